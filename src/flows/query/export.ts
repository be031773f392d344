import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { exponentialDelays, type RetryPolicy } from '../../core/retry.ts';
import type { StepContext } from '../../engine/engine.ts';
import { defineFlow, type Flow } from '../../engine/flow.ts';
import type { Objects } from '../../objects/objects.ts';
import type { Log } from '../../observe/log.ts';
import type { Conversation } from '../../record/conversation.ts';
import { event } from '../../record/events.ts';
import { type ExportFile, exportFiles, exportPrefix } from '../../record/exports/forms.ts';
import type { RedactConversation } from '../../record/redact.ts';
import type { Store } from '../../store/store.ts';

export interface ExportFlowPorts {
  readonly store: Pick<Store, 'conversation' | 'events'>;
  readonly objects: Objects;
  readonly redact: RedactConversation;
  readonly log: Log;
  readonly retry?: RetryPolicy;
}

export type ExportInput = { trackingId: string };
export type ExportOutput = { prefix: string };
export type ExportFlow = Flow<ExportInput, ExportOutput>;

/** For about half an hour: exports wait for nobody, and objects may be away. */
const exportRetry: RetryPolicy = {
  maxAttempts: 12,
  delaysMs: exponentialDelays({ initialMs: 1_000, maxMs: 300_000, count: 10 }),
};

/** Writes a conversation that has ended in its four forms. Done again (a replayed delivery), it writes the same keys anew. */
export function createExportFlow(ports: ExportFlowPorts): ExportFlow {
  return defineFlow({
    name: 'export',
    version: 1,
    input: Type.Object({ trackingId: Type.String() }),
    output: Type.Object({ prefix: Type.String() }),
    concurrency: 8,
    run: (step, input) =>
      step.run('export', (context) => exportConversation(ports, input.trackingId, context), {
        retry: ports.retry ?? exportRetry,
        timeoutMs: 60_000,
      }),
  });
}

async function exportConversation(
  ports: ExportFlowPorts,
  trackingId: string,
  context: StepContext,
): Promise<ExportOutput> {
  const conversation = await ports.store.conversation(trackingId);
  if (conversation === undefined) {
    throw new SignalboxError('not_found', `There is no conversation ${trackingId} to export.`, {
      retryable: true,
    });
  }
  try {
    return await writeExport(ports, conversation, context);
  } catch (error) {
    ports.log.exportFailed({ ...conversation, error });
    throw error;
  }
}

async function writeExport(
  ports: ExportFlowPorts,
  conversation: Conversation,
  context: StepContext,
): Promise<ExportOutput> {
  const { trackingId, conversationId, deliveryId, sourceSystem, sourceProcess, webhookType } = conversation;
  const events = await ports.store.events(trackingId);
  const files = exportFiles(ports.redact(conversation), events);
  const prefix = exportPrefix(conversation);
  const keyOf = (file: ExportFile) => `${prefix}/${file.name}`;
  await Promise.all(
    files.map((file) => ports.objects.put(keyOf(file), file.body, { contentType: 'application/json' })),
  );
  const about = { conversationId, deliveryId, sourceSystem, sourceProcess, webhookType };
  const sizeBytes = files.reduce((sum, file) => sum + Buffer.byteLength(file.body), 0);
  const data = { ...about, prefix, keys: files.map(keyOf), sizeBytes };
  context.record(event('WEBHOOK_CONVERSATION_EXPORTED', trackingId, data));
  return { prefix };
}
