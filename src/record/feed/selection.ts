import { type ConversationSummary, project } from '../conversation.ts';
import type { ConversationStatus, RecordedEvent } from '../events.ts';
import type { EventSelection, LoggedEvent } from './event-log.ts';

/** Whether somebody wants an event, its status apart: of that an event alone does not tell. */
export function isSelected({ event, account }: LoggedEvent, selection: EventSelection): boolean {
  const { types, sourceSystem, sourceProcess, webhookType } = selection;
  return (
    (types === undefined || types.includes(event.type)) &&
    (sourceSystem === undefined || event.data.sourceSystem === sourceSystem) &&
    (sourceProcess === undefined || event.data.sourceProcess === sourceProcess) &&
    (webhookType === undefined || event.data.webhookType === webhookType) &&
    (selection.account === undefined || account === selection.account)
  );
}

/** The status of a conversation from one of its events on, by its events in their order. */
export function statusAfter(
  events: readonly RecordedEvent[],
  sequence: number,
): ConversationStatus | undefined {
  let conversation: ConversationSummary | undefined;
  for (const event of events) if (event.sequence <= sequence) conversation = project(conversation, event);
  return conversation?.status;
}
