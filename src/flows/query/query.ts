import { Type } from 'typebox';
import type { Agent } from '../../agents/agent.ts';
import { SignalboxError } from '../../core/errors.ts';
import { uuidv7 } from '../../core/ids.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import { senderTraceOf } from '../../core/trace-context.ts';
import type { Fact, Step, StepContext } from '../../engine/engine.ts';
import { type AbandonedRun, defineFlow, type Flow } from '../../engine/flow.ts';
import type { AboutLine, Log } from '../../observe/log.ts';
import { type AboutConversation, event, type Failure, type WebhookType } from '../../record/events.ts';
import type { Store } from '../../store/store.ts';
import { passOnTrace, type TraceAgent } from '../agent-trace.ts';
import { type BoundedAnswer, boundedAnswer, boundedText } from './bounds.ts';
import { decideType } from './classify.ts';
import type { DeliveryOutput } from './delivery.ts';
import { type DeliveryInput, type QueryInput, queryInputSchema, webhookTypeSchema } from './input.ts';

export interface QueryFlowPorts {
  readonly agent: Agent;
  readonly store: Pick<Store, 'summary'>;
  readonly delivery: Flow<DeliveryInput, DeliveryOutput>;
  readonly log: Log;
  readonly clock?: () => number;
  /** Default: three more attempts after 2, 4, 8 s. */
  readonly agentRetry?: RetryPolicy;
  /** For all calls of the agent together. Default 15 minutes. */
  readonly agentTimeoutMs?: number;
  /** Default: an agent elsewhere is told what the sender said. */
  readonly traceAgent?: TraceAgent;
}

const queryOutputSchema = Type.Object({ webhookType: webhookTypeSchema, deliveryRunId: Type.String() });
export type QueryOutput = { webhookType: WebhookType; deliveryRunId: string };

/** What the agent is called with, fixed before the first call. */
interface Prepared {
  readonly deliveryId: string;
  readonly sessionId: string;
}

/** What the agent's step leaves in the journal. */
interface Answered extends BoundedAnswer {
  readonly webhookType: WebhookType;
  /** ISO-8601. */
  readonly answeredAt: string;
}

/**
 * A question and its answer: the manager agent is called, the answer is classified, and its delivery is started as a run of
 * its own. An agent that fails for good makes the account of that the delivery, and then the run fails: it is a
 * dead letter, and started anew it asks again under a new delivery id (the old one stands for the account of the failure).
 */
export function createQueryFlow(ports: QueryFlowPorts): Flow<QueryInput, QueryOutput> {
  return defineFlow({
    name: 'query',
    version: 1,
    input: queryInputSchema,
    output: queryOutputSchema,
    async run(step, input) {
      ports.log.traced(input);
      let prepared: Prepared = { deliveryId: input.deliveryId, sessionId: sessionIdOf(input, step.uuid()) };
      try {
        const { sessionId } = prepared;
        prepared = await step.run('prepare', (context) => prepare(ports, input, sessionId, context));
        const answered = await askAgent(ports, step, input, prepared);
        return await deliverAnswer(ports, step, input, prepared, answered);
      } catch (error) {
        await deliverFailure(ports, step, input, prepared, error);
        throw error;
      }
    },
    abandoned: abandonedQuestion,
  });
}

/** Ended by force: nobody is told of it, but the conversation does not stay open. */
function abandonedQuestion(run: AbandonedRun<QueryInput>): Fact[] {
  const { input, history } = run;
  const prepared = history.find(({ name }) => name === 'prepare')?.result as Prepared | undefined;
  // One that was started anew and has not begun has changed nothing about the conversation yet.
  if (run.isRestart && prepared === undefined) return [];
  const answered = history.some(({ name, status }) => name === 'manager agent' && status === 'succeeded');
  const data = {
    ...about(input, prepared ?? { deliveryId: input.deliveryId, sessionId: '' }, input.webhookType),
    answered,
    status: answered ? 'delivery_failed' : 'failed',
    deliveryStatus: 'failed',
    attempts: 0,
    totalTimeMs: sinceRequest(input, run.at),
    problem: run.error.message,
  } as const;
  return [event('WEBHOOK_CONVERSATION_COMPLETED', input.trackingId, data)];
}

/** From here on the conversation is `processing`. */
async function prepare(
  ports: QueryFlowPorts,
  input: QueryInput,
  sessionId: string,
  context: StepContext,
): Promise<Prepared> {
  const summary = await ports.store.summary(input.trackingId);
  const isFirstRun = summary === undefined || summary.status === 'queued';
  const prepared = { deliveryId: isFirstRun ? input.deliveryId : uuidv7(), sessionId };
  const data = { ...about(input, prepared, input.webhookType), agent: ports.agent.name, sessionId };
  context.record(event('WEBHOOK_MANAGER_AGENT_INVOKED', input.trackingId, data));
  return prepared;
}

/** `webhook_20260814_xyz123`: the day of the request and six characters of the run. */
function sessionIdOf(input: QueryInput, uuid: string): string {
  return `webhook_${input.queuedAt.slice(0, 10).replaceAll('-', '')}_${uuid.slice(0, 6)}`;
}

const agentRetry: RetryPolicy = { maxAttempts: 4, delaysMs: [2_000, 4_000, 8_000] };
const agentTimeoutMs = 15 * 60_000;

function askAgent(
  ports: QueryFlowPorts,
  step: Step,
  input: QueryInput,
  prepared: Prepared,
): Promise<Answered> {
  const clock = ports.clock ?? Date.now;
  const timeoutMs = ports.agentTimeoutMs ?? agentTimeoutMs;
  // Counted from the first call that this process makes: time during which no process ran is not the agent's.
  let deadline: number | undefined;
  const work = async (context: StepContext): Promise<Answered> => {
    const startedAt = clock();
    deadline ??= startedAt + timeoutMs;
    const line = { ...aboutLine(input), attempt: context.attempt, agent: ports.agent.name };
    ports.log.agentAttempt({ ...line, sessionId: prepared.sessionId });
    try {
      const answer = await callAgent(ports, input, prepared, context, deadline - startedAt);
      return recordAnswer(ports, input, prepared, context, { answer, startedAt, now: clock() });
    } catch (error) {
      if (!context.signal.aborted) ports.log.agentAttemptFailed({ ...line, error });
      throw error;
    }
  };
  const retry = { maxElapsedMs: timeoutMs, ...(ports.agentRetry ?? agentRetry) };
  return step.run('manager agent', work, { retry, timeoutMs });
}

/** One call; it ends in time, and when it is aborted, even if the agent does not. */
async function callAgent(
  { agent, traceAgent = passOnTrace }: QueryFlowPorts,
  input: QueryInput,
  prepared: Prepared,
  context: StepContext,
  remainingMs: number,
) {
  const late = new SignalboxError('step_timeout', 'The agent did not answer in the time it is given.', {
    retryable: false,
  });
  if (remainingMs <= 0) throw late;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late), remainingMs);
  const signal = AbortSignal.any([context.signal, deadline.signal]);
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp);
  const { sessionId } = prepared;
  const { idempotencyKey } = context;
  try {
    const asked = { question: input.query, sessionId };
    const trace = traceAgent(input, context, { agent, ...asked });
    const answer = agent.answer({ ...asked, idempotencyKey, signal, trace });
    return await Promise.race([answer, givenUp]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function recordAnswer(
  ports: QueryFlowPorts,
  input: QueryInput,
  prepared: Prepared,
  context: StepContext,
  of: { answer: Awaited<ReturnType<Agent['answer']>>; startedAt: number; now: number },
): Answered {
  const bounded = boundedAnswer(of.answer);
  const agentTimeMs = of.now - of.startedAt;
  const data = {
    ...about(input, prepared, input.webhookType),
    agent: ports.agent.name,
    sessionId: prepared.sessionId,
    response: bounded.markdown,
    responsePlain: bounded.plain,
    understood: of.answer.understood,
    toolCalls: bounded.toolCalls,
    error: null,
    attempts: context.attempt,
    agentTimeMs,
    executionTimeSeconds: agentTimeMs / 1_000,
    answerTimeMs: sinceRequest(input, of.now),
    responseSizeBytes: Buffer.byteLength(bounded.markdown),
  };
  context.record(event('WEBHOOK_MANAGER_AGENT_RESPONSE', input.trackingId, data));
  const webhookType = decideType(input.query, of.answer);
  return { ...bounded, toolCalls: [], webhookType, answeredAt: new Date(of.now).toISOString() };
}

async function deliverAnswer(
  ports: QueryFlowPorts,
  step: Step,
  input: QueryInput,
  prepared: Prepared,
  answered: Answered,
): Promise<QueryOutput> {
  const { webhookType, markdown, plain, answeredAt } = answered;
  const conversation = about(input, prepared, webhookType);
  const facts = [
    event('WEBHOOK_RESPONSE_CLASSIFIED', input.trackingId, {
      ...conversation,
      guessedType: input.webhookType,
    }),
    event('WEBHOOK_OUTBOUND_QUEUED', input.trackingId, { ...conversation, answered: true }),
  ];
  const answer = {
    response: markdown,
    responsePlain: plain,
    sessionId: prepared.sessionId,
    timestamp: answeredAt,
  };
  const delivery = { ...deliveryOf(step, input, prepared, webhookType), answer, error: null };
  const deliveryRunId = await step.start('deliver', ports.delivery, delivery, { facts });
  return { webhookType, deliveryRunId };
}

async function deliverFailure(
  ports: QueryFlowPorts,
  step: Step,
  input: QueryInput,
  prepared: Prepared,
  error: unknown,
): Promise<void> {
  const failure = failureOf(error);
  ports.log.agentFailed({ ...aboutLine(input), failure });
  const conversation = about(input, prepared, input.webhookType);
  const facts = [
    event('WEBHOOK_MANAGER_AGENT_RESPONSE', input.trackingId, {
      ...conversation,
      agent: ports.agent.name,
      sessionId: prepared.sessionId,
      response: null,
      responsePlain: null,
      understood: false,
      toolCalls: [],
      error: failure,
      attempts: null,
      agentTimeMs: 0,
      executionTimeSeconds: 0,
      answerTimeMs: sinceRequest(input, step.now()),
      responseSizeBytes: 0,
    }),
    event('WEBHOOK_OUTBOUND_QUEUED', input.trackingId, { ...conversation, answered: false }),
  ];
  const delivery = { ...deliveryOf(step, input, prepared, input.webhookType), answer: null, error: failure };
  await step.start('deliver failure', ports.delivery, delivery, { facts });
}

/** What a caller is told: codes of the catalogue, and no more of a foreign error than its message. */
function failureOf(error: unknown): Failure {
  const known = error instanceof SignalboxError;
  const code = known && error.code !== 'step_failed' ? error.code : 'agent_failed';
  const message = boundedText(error instanceof Error ? error.message : String(error), 4_000);
  return { code, message, recoverable: known ? error.retryable : true };
}

function about(input: QueryInput, prepared: Prepared, webhookType: WebhookType): AboutConversation {
  const { conversationId, sourceSystem, sourceProcess } = input;
  return { conversationId, deliveryId: prepared.deliveryId, sourceSystem, sourceProcess, webhookType };
}

function aboutLine({ trackingId, conversationId, sourceSystem, webhookType }: QueryInput): AboutLine {
  return { trackingId, conversationId, sourceSystem, webhookType };
}

function deliveryOf(step: Step, input: QueryInput, prepared: Prepared, webhookType: WebhookType) {
  const { trackingId, query, queuedAt } = input;
  const trace = { ...senderTraceOf(input), parentRunId: step.runId };
  return { ...trace, trackingId, query, queuedAt, ...about(input, prepared, webhookType) };
}

function sinceRequest(input: QueryInput, nowMs: number): number {
  return Math.max(0, nowMs - Date.parse(input.queuedAt));
}
