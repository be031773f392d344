import { messageOf, SignalboxError } from '../../core/errors.ts';
import { safeUrl } from '../../core/safe-url.ts';
import { spanIdOf } from '../../core/trace-context.ts';
import type { Fact } from '../../engine/engine.ts';
import type { EventData } from '../../record/events.ts';
import type { WatchedAttempt } from '../watched-flow.ts';
import type { SpanData } from './span.ts';

/** What a span says, without its place in a trace. */
export type Described = Pick<SpanData, 'name' | 'kind' | 'startedAt' | 'endedAt' | 'attributes' | 'error'>;

export interface DescribedAttempt extends Described {
  readonly children: readonly (Described & { readonly spanId: string })[];
}

/**
 * Attempts as spans, by what they recorded: calls of agents and tools as
 * https://github.com/open-telemetry/semantic-conventions-genai has them, requests of deliveries as
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/ has them. Every other one is named by its step.
 */
export function describeAttempt(attempt: WatchedAttempt): DescribedAttempt {
  const { flow, step, startedAt, endedAt, error } = attempt;
  const times = { startedAt, endedAt };
  const attributes = {
    'signalbox.flow': flow,
    'signalbox.run_id': attempt.runId,
    'signalbox.step': step,
    'signalbox.attempt': attempt.attempt,
  };
  const answer = dataOf(attempt.facts, 'WEBHOOK_MANAGER_AGENT_RESPONSE');
  if (answer !== undefined) return describeAgent(attempt, answer, attributes);
  if (flow === 'query' && step === 'manager agent') {
    const operation = { 'gen_ai.operation.name': 'invoke_agent' };
    return { ...times, ...internal('invoke_agent', { ...attributes, ...operation }, error), children: [] };
  }
  const delivered = dataOf(attempt.facts, 'WEBHOOK_DELIVERY_SUCCESS');
  const refused = dataOf(attempt.facts, 'WEBHOOK_DELIVERY_FAILED');
  const request = delivered ?? refused;
  if (request !== undefined) {
    return { ...times, ...describeDelivery(request, attributes, refused?.reason), children: [] };
  }
  return { ...times, ...internal(step, attributes, error), children: [] };
}

function dataOf<T extends keyof EventData>(facts: readonly Fact[], type: T): EventData[T] | undefined {
  return facts.find((fact) => fact.type === type)?.data as EventData[T] | undefined;
}

function internal(name: string, attributes: Described['attributes'], error: unknown) {
  return { name, kind: 'internal', ...withError(attributes, error) } as const;
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export function withError(
  attributes: Described['attributes'],
  error: unknown,
): Pick<Described, 'attributes' | 'error'> {
  if (error === undefined) return { attributes };
  const type = error instanceof SignalboxError ? error.code : error instanceof Error ? error.name : '_OTHER';
  return { attributes: { ...attributes, 'error.type': type }, error: messageOf(error).slice(0, 1_000) };
}

type Answer = EventData['WEBHOOK_MANAGER_AGENT_RESPONSE'];

function describeAgent(
  { key, attempt, startedAt, endedAt }: WatchedAttempt,
  answer: Answer,
  attributes: Described['attributes'],
): DescribedAttempt {
  const { agent, sessionId, toolCalls } = answer;
  // The record has how long each tool took, not when it began: they are laid one after the other.
  let at = startedAt;
  const children = toolCalls.map(({ tool, durationMs }, index) => {
    const began = Math.min(at, endedAt);
    at = Math.min(endedAt, began + durationMs);
    const called = `${key}/${attempt}/tool/${index}`;
    return { spanId: spanIdOf(called), startedAt: began, endedAt: at, ...describeTool(tool, called, agent) };
  });
  const own = {
    ...attributes,
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.provider.name': 'signalbox',
    'gen_ai.agent.name': agent,
    'gen_ai.conversation.id': sessionId,
  };
  return { name: `invoke_agent ${agent}`, kind: 'internal', startedAt, endedAt, attributes: own, children };
}

const describeTool = (tool: string, called: string, agent: string) => ({
  name: `execute_tool ${tool}`,
  kind: 'internal' as const,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.agent.name': agent,
    'gen_ai.tool.name': tool,
    'gen_ai.tool.call.id': called,
    'gen_ai.tool.type': tool.startsWith('warehouse.') ? 'datastore' : 'function',
  },
});

type Request = EventData['WEBHOOK_DELIVERY_SUCCESS'] | EventData['WEBHOOK_DELIVERY_FAILED'];

function describeDelivery(
  request: Request,
  attributes: Described['attributes'],
  failure: string | undefined,
) {
  const { webhookUrl, statusCode, attempt } = request;
  const url = URL.parse(webhookUrl);
  const own = {
    ...attributes,
    'http.request.method': 'POST',
    // Its query may hold a secret.
    'url.full': safeUrl(webhookUrl),
    ...(url !== null && { 'server.address': url.hostname, 'server.port': portOf(url) }),
    ...(statusCode !== null && { 'http.response.status_code': statusCode }),
    ...(attempt > 1 && { 'http.request.resend_count': attempt - 1 }),
    ...(failure !== undefined && { 'error.type': statusCode === null ? '_OTHER' : String(statusCode) }),
  };
  const error = failure === undefined ? {} : { error: failure };
  return { name: 'POST', kind: 'client', attributes: own, ...error } as const;
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80);
