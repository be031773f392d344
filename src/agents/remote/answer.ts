import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { AgentAnswer, ToolCall } from '../agent.ts';

const anyObject = Type.Record(Type.String(), Type.Unknown());

const payloadSchema = Type.Object({
  markdown: Type.String(),
  plain: Type.String(),
  understood: Type.Boolean(),
  topic: Type.Optional(
    Type.Union([
      Type.Literal('deal'),
      Type.Literal('data'),
      Type.Literal('lead'),
      Type.Literal('general'),
      Type.Null(),
    ]),
  ),
  tool_calls: Type.Array(
    Type.Object({
      tool: Type.String(),
      input: anyObject,
      output: anyObject,
      started_at: Type.Optional(Type.String()),
      duration_ms: Type.Number(),
    }),
  ),
});

interface Payload extends Omit<AgentAnswer, 'toolCalls' | 'topic'> {
  readonly topic?: AgentAnswer['topic'] | null;
  readonly tool_calls: readonly (Pick<ToolCall, 'tool' | 'input' | 'output'> & {
    readonly started_at?: string;
    readonly duration_ms: number;
  })[];
}

const validator = Compile(Type.Object({ payload: payloadSchema }));

/** The answer in an envelope; undefined for anything else. */
export function readAnswer(text: string): AgentAnswer | undefined {
  const envelope = parse(text);
  if (!validator.Check(envelope)) return undefined;
  const { markdown, plain, understood, topic, tool_calls } = (envelope as { payload: Payload }).payload;
  const toolCalls = tool_calls.map(({ duration_ms: durationMs, started_at = '', tool, input, output }) => {
    const startedAt = Date.parse(started_at);
    return { tool, input, output, ...(startedAt >= 0 && { startedAt }), durationMs };
  });
  return { markdown, plain, understood, toolCalls, ...(topic && { topic }) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
