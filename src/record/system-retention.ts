import type { RecordedEvent } from './events.ts';
import type { SystemEventData } from './system-events.ts';

/** What is kept of the doors, by what it is for: each has a time of its own. */
export const systemEventsByKind = {
  audit: ['OPERATOR_ACT', 'OPERATOR_ACT_ENDED'],
  refusals: ['INBOUND_REQUEST_REFUSED', 'INBOUND_REQUESTS_REFUSED'],
  triggers: ['WORKFLOW_TRIGGERED', 'WORKFLOW_EXECUTION_NAMED'],
} as const satisfies Readonly<Record<string, readonly (keyof SystemEventData)[]>>;

export type SystemEventKind = keyof typeof systemEventsByKind;

/** How long they are kept, in milliseconds; null is for ever. */
export type SystemRetention = Readonly<Record<SystemEventKind, number | null>>;

/** As the index of each store names them. */
export const systemEventTypesText = Object.values(systemEventsByKind)
  .flat()
  .map((type) => `'${type}'`)
  .join(', ');

/** What goes after a time, each type by itself. */
export function expiringSystemEvents(keep: SystemRetention) {
  return (Object.keys(systemEventsByKind) as SystemEventKind[]).flatMap((kind) => {
    const keepMs = keep[kind];
    return keepMs === null ? [] : systemEventsByKind[kind].map((type) => ({ kind, type, keepMs }));
  });
}

/** The run without whose end the event can't go: what was triggered is found by it. */
export function runOfSystemEvent(event: RecordedEvent): string | undefined {
  return event.type === 'WORKFLOW_TRIGGERED' || event.type === 'WORKFLOW_EXECUTION_NAMED'
    ? event.data.runId
    : undefined;
}
