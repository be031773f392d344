import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { exponentialDelays, type RetryPolicy } from '../../core/retry.ts';
import type { StepContext } from '../../engine/engine.ts';
import { defineFlow, type Flow } from '../../engine/flow.ts';
import type { Objects } from '../../objects/objects.ts';
import type { Log } from '../../observe/log.ts';
import type { Conversation } from '../../record/conversation.ts';
import { event } from '../../record/events.ts';
import { type ExportFile, exportedEvents, exportFiles, exportPrefix } from '../../record/exports/forms.ts';
import type { RedactConversation } from '../../record/redact.ts';
import type { Store } from '../../store/store.ts';
import { type Held, HeldExports, type ObjectsGate } from './held-exports.ts';

export interface ExportFlowPorts {
  readonly store: Pick<Store, 'conversation' | 'events'>;
  readonly objects: Objects;
  readonly redact: RedactConversation;
  readonly log: Log;
  readonly retry?: RetryPolicy;
  /** Without one, objects that are away are a failure like any other. */
  readonly gate?: ObjectsGate;
}

export type ExportInput = { trackingId: string };
export type ExportOutput = { prefix: string };
export type ExportFlow = Flow<ExportInput, ExportOutput>;

/** For about half an hour: exports wait for nobody, and objects may be away. */
const exportRetry: RetryPolicy = {
  maxAttempts: 12,
  delaysMs: exponentialDelays({ initialMs: 1_000, maxMs: 300_000, count: 10 }),
};

/**
 * Writes a conversation that has ended in its four forms. Done again (a replayed delivery), it writes the same keys anew. While the objects are
 * away it waits, without using up an attempt and outside of memory.
 */
export function createExportFlow(ports: ExportFlowPorts): ExportFlow {
  const options = { retry: ports.retry ?? exportRetry, timeoutMs: 60_000 };
  const held = new HeldExports(ports.gate);
  return defineFlow({
    name: 'export',
    version: 1,
    input: Type.Object({ trackingId: Type.String() }),
    output: Type.Object({ prefix: Type.String() }),
    concurrency: 32,
    background: true,
    async run(step, { trackingId }) {
      for (let holds = 0; ; holds++) {
        const work = (context: StepContext) => exportOrHold(ports, { trackingId, held, holds }, context);
        const outcome = await step.run('export', work, options);
        if (!('heldMs' in outcome)) return outcome;
        await step.sleep('objects are away', outcome.heldMs);
      }
    },
  });
}

async function exportOrHold(
  ports: ExportFlowPorts,
  { trackingId, held, holds }: { trackingId: string; held: HeldExports; holds: number },
  context: StepContext,
): Promise<ExportOutput | Held> {
  if (holds > 0) held.looksAgain();
  const wait = held.hold(holds);
  if (wait !== undefined) return wait;
  try {
    return await exportConversation(ports, trackingId, context);
  } catch (error) {
    const waitNow = held.hold(holds, error);
    if (waitNow === undefined) throw error;
    return waitNow;
  }
}

async function exportConversation(
  ports: ExportFlowPorts,
  trackingId: string,
  context: StepContext,
): Promise<ExportOutput> {
  const current = await readCurrent(ports, trackingId);
  if (current === undefined) {
    throw new SignalboxError('not_found', `There is no conversation ${trackingId} to export.`, {
      retryable: true,
    });
  }
  try {
    const { conversation, files } = await writeCurrent(ports, current);
    return recordExport(conversation, files, context);
  } catch (error) {
    ports.log.exportFailed({ ...current.conversation, error });
    throw error;
  }
}

interface Current {
  readonly conversation: Conversation;
  readonly files: readonly ExportFile[];
}

async function readCurrent({ store, redact }: ExportFlowPorts, trackingId: string) {
  const conversation = await store.conversation(trackingId);
  if (conversation === undefined) return undefined;
  const events = await store.events(trackingId, 0, exportedEvents);
  return { conversation, files: exportFiles(redact(conversation), events) };
}

const roundsAtMost = 10;

/**
 * What is written is what the record says afterwards: a conversation that was erased, or delivered after all, while its files were on their way is
 * written again. So of several exports of one conversation the last that writes, whichever that is, leaves the present state.
 */
async function writeCurrent(ports: ExportFlowPorts, first: Current): Promise<Current> {
  let current = first;
  for (let round = 0; round < roundsAtMost; round++) {
    await putFiles(ports, current);
    const next = await readCurrent(ports, current.conversation.trackingId);
    if (next === undefined || areSame(current.files, next.files)) return current;
    current = next;
  }
  throw new SignalboxError('conflict', 'The conversation changed whenever it was exported; try again.', {
    retryable: true,
  });
}

const areSame = (some: readonly ExportFile[], others: readonly ExportFile[]): boolean =>
  some.every(({ body }, at) => body === others[at]!.body);

async function putFiles({ objects }: ExportFlowPorts, { conversation, files }: Current): Promise<void> {
  const contentType = 'application/json';
  await Promise.all(files.map((file) => objects.put(keyOf(conversation, file), file.body, { contentType })));
}

const keyOf = (conversation: Conversation, file: ExportFile): string =>
  `${exportPrefix(conversation)}/${file.name}`;

function recordExport(
  conversation: Conversation,
  files: readonly ExportFile[],
  context: StepContext,
): ExportOutput {
  const { trackingId, conversationId, deliveryId, sourceSystem, sourceProcess, webhookType } = conversation;
  const about = { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType };
  const prefix = exportPrefix(conversation);
  const sizeBytes = files.reduce((sum, file) => sum + Buffer.byteLength(file.body), 0);
  const keys = files.map((file) => keyOf(conversation, file));
  context.record(event('WEBHOOK_CONVERSATION_EXPORTED', trackingId, { ...about, prefix, keys, sizeBytes }));
  return { prefix };
}
