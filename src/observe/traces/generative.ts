import type { Json } from '../../core/json.ts';
import type { WatchedAttempt } from '../watched-flow.ts';
import { attributesOf, type Described, serverOf, withError } from './describe.ts';

/**
 * Calls of agents and tools as spans, by the semantic conventions for generative AI, version 1.42.0-dev of October 2026:
 * https://github.com/open-telemetry/semantic-conventions-genai. What was asked, answered and given to tools is in them only
 * where `Content` is given.
 */

/** What an attempt asks an agent. */
export interface Asked {
  readonly agent: string;
  /** Where it is, when that is another process. */
  readonly url?: string | undefined;
  readonly sessionId: string;
  readonly question: string;
}

/** A call of a tool that is over. */
export interface ToolCalled {
  readonly tool: string;
  readonly input: object;
  readonly output: object;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly error?: unknown;
}

/** Content as it may leave: redacted, and not too long. */
export interface Content {
  text(text: string): string;
  json(name: string, value: Json): string;
}

export function describeAgent(
  attempt: WatchedAttempt,
  asked: Asked,
  content: Content | undefined,
): Described {
  const { agent, url, sessionId } = asked;
  const { startedAt, endedAt, error } = attempt;
  const attributes = {
    ...attributesOf(attempt),
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.provider.name': 'signalbox',
    'gen_ai.agent.name': agent,
    'gen_ai.conversation.id': sessionId,
    ...(url !== undefined && serverOf(url)),
    ...(content && messages(asked, attempt.result, content)),
  };
  const kind = url === undefined ? 'internal' : 'client';
  return { name: `invoke_agent ${agent}`, kind, startedAt, endedAt, ...withError(attributes, error) };
}

/** https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-input-messages.json */
function messages({ question }: Asked, result: unknown, { text }: Content): Record<string, string> {
  const parts = (content: string) => [{ type: 'text', content: text(content) }];
  const answer = (result as { markdown?: unknown } | undefined)?.markdown;
  return {
    'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: parts(question) }]),
    ...(typeof answer === 'string' && {
      'gen_ai.output.messages': JSON.stringify([
        { role: 'assistant', parts: parts(answer), finish_reason: 'stop' },
      ]),
    }),
  };
}

export function describeTool(
  call: ToolCalled,
  { agent, sessionId }: Asked,
  id: string,
  content: Content | undefined,
): Described {
  const { tool, startedAt, durationMs, error } = call;
  const attributes = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.agent.name': agent,
    'gen_ai.conversation.id': sessionId,
    'gen_ai.tool.name': tool,
    'gen_ai.tool.call.id': id,
    'gen_ai.tool.type': tool.startsWith('warehouse.') ? 'datastore' : 'function',
    ...(content && {
      'gen_ai.tool.call.arguments': content.json('input', call.input as Json),
      ...(error === undefined && { 'gen_ai.tool.call.result': content.json('output', call.output as Json) }),
    }),
  };
  const times = { startedAt, endedAt: startedAt + durationMs };
  return { name: `execute_tool ${tool}`, kind: 'internal', ...times, ...withError(attributes, error) };
}
