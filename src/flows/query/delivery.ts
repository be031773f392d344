import { type Static, Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { senderTraceOf } from '../../core/trace-context.ts';
import type { Fact, Step } from '../../engine/engine.ts';
import { type AbandonedRun, defineFlow, type Flow } from '../../engine/flow.ts';
import { event } from '../../record/events.ts';
import {
  type AttemptPlace,
  type AttemptResult,
  attemptDelivery,
  type DeliveryEnd,
  type DeliveryPorts,
  giveUpDelivery,
} from './attempt.ts';
import { type DeliveryInput, deliveryInputSchema } from './input.ts';

const deliveryOutputSchema = Type.Object({
  deliveryStatus: Type.Union([Type.Literal('delivered'), Type.Literal('not_configured')]),
  attempts: Type.Number(),
});
export type DeliveryOutput = Static<typeof deliveryOutputSchema>;

/** Starts the export of a conversation that has ended. */
export interface DeliveryFlowPorts extends DeliveryPorts {
  readonly exportFlow?: Flow<{ trackingId: string }, unknown>;
}

/**
 * The delivery of one message to one receiver. Each attempt is a step whose outcome is data; between attempts the run
 * sleeps and leaves memory. A delivery that is used up fails its run, which is then the dead letter; started anew,
 * it is the same message with the same `webhook-id`.
 */
export function createDeliveryFlow(ports: DeliveryFlowPorts): Flow<DeliveryInput, DeliveryOutput> {
  return defineFlow({
    name: 'delivery',
    version: 1,
    input: deliveryInputSchema,
    output: deliveryOutputSchema,
    async run(step, input) {
      ports.log.traced(input);
      const result = await deliver(ports, step, input);
      if (result.exports) await startExport(ports, step, input);
      if (result.kind === 'done') return { deliveryStatus: result.deliveryStatus, attempts: result.attempts };
      throw new SignalboxError(result.code, result.message, { details: { webhookUrl: result.webhookUrl } });
    },
    abandoned: abandonedDelivery,
  });
}

/** Ended by force: the conversation ends with it, unless an earlier run of this delivery has ended it. */
function abandonedDelivery({ input, history, error, at, isRestart }: AbandonedRun<DeliveryInput>): Fact[] {
  const results = history.flatMap(({ result }) => (result as AttemptResult | null | undefined) ?? []);
  const attempts = results.filter((result) => result.kind === 'again' && !result.held).length;
  if (isRestart && attempts === 0) return [];
  const { trackingId, conversationId, deliveryId, sourceSystem, sourceProcess, webhookType } = input;
  const answered = input.answer !== null;
  const data = {
    ...{ conversationId, deliveryId, sourceSystem, sourceProcess, webhookType, answered },
    status: answered ? 'delivery_failed' : 'failed',
    deliveryStatus: 'failed',
    attempts,
    totalTimeMs: Math.max(0, at - Date.parse(input.queuedAt)),
    ...(answered && { problem: error.message }),
  } as const;
  return [event('WEBHOOK_CONVERSATION_COMPLETED', trackingId, data)];
}

/** Attempts and waits until the delivery has come to an end. */
async function deliver(ports: DeliveryFlowPorts, step: Step, input: DeliveryInput): Promise<DeliveryEnd> {
  let place: AttemptPlace = { attempt: 1, holds: 0, random: step.random() };
  try {
    for (;;) {
      const at = place;
      const result = await step.run(`attempt ${at.attempt}`, (context) =>
        attemptDelivery(ports, input, at, context),
      );
      if (result.kind !== 'again') return result;
      await step.sleep(result.held ? 'circuit open' : 'backoff', result.delayMs);
      place = nextPlace(at, result.held, step.random());
    }
  } catch (error) {
    // Cancelled, or an error of ours: the conversation must still come to its end.
    const at = place;
    const exports = await step.run('give up', (context) => giveUpDelivery(ports, input, at, context, error));
    if (exports) await startExport(ports, step, input);
    throw error;
  }
}

function startExport(ports: DeliveryFlowPorts, step: Step, input: DeliveryInput): Promise<string> {
  const trace = { ...senderTraceOf(input), parentRunId: step.runId };
  return step.start('export', exportFlowOf(ports), { trackingId: input.trackingId, ...trace });
}

function nextPlace(place: AttemptPlace, held: boolean, random: number): AttemptPlace {
  return held
    ? { ...place, holds: place.holds + 1, random }
    : { attempt: place.attempt + 1, holds: place.holds, random };
}

/** A run that decided to export before the export was switched off still needs the flow to start. */
function exportFlowOf(ports: DeliveryFlowPorts): Flow<{ trackingId: string }, unknown> {
  if (ports.exportFlow !== undefined) return ports.exportFlow;
  throw new SignalboxError('unknown_flow', 'The flow that exports conversations is not there.');
}
