import { type Static, Type } from 'typebox';
import type { Agent } from '../../agents/agent.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import { defineFlow, type Flow } from '../../engine/flow.ts';
import { passOnTrace, type TraceAgent } from '../agent-trace.ts';
import { boundedAnswer, boundedText } from '../query/bounds.ts';
import { traceFields } from '../query/input.ts';

/** What an agent in another process asks one of ours. */
const inputSchema = Type.Object({
  agent: Type.String(),
  question: Type.String(),
  sessionId: Type.String(),
  /** Who asks: the issuer of the token, and its agent. */
  issuer: Type.String(),
  sourceAgent: Type.String(),
  ...traceFields,
});
export type InvocationInput = Static<typeof inputSchema>;

const outputSchema = Type.Object({
  answer: Type.Union([
    Type.Null(),
    Type.Object({
      markdown: Type.String(),
      plain: Type.String(),
      understood: Type.Boolean(),
      topic: Type.Union([Type.String(), Type.Null()]),
      toolCalls: Type.Array(Type.Unknown()),
    }),
  ]),
  error: Type.Union([Type.Null(), Type.Object({ code: Type.String(), message: Type.String() })]),
});
export type InvocationOutput = Static<typeof outputSchema>;
export type InvocationFlow = Flow<InvocationInput, InvocationOutput>;

const usualRetry: RetryPolicy = { maxAttempts: 3, delaysMs: [1_000, 2_000], maxElapsedMs: 15 * 60_000 };

/**
 * A question of an agent elsewhere, as a durable run: a caller that asks again with the same idempotency key, also after this process died, gets
 * the answer of the first time. That the agent failed for good is an answer as well, and no dead letter: whoever asked
 * hears of it and decides.
 */
export function createInvocationFlow(
  agent: Agent,
  {
    retry = usualRetry,
    traceAgent = passOnTrace,
  }: { readonly retry?: RetryPolicy; readonly traceAgent?: TraceAgent } = {},
): InvocationFlow {
  return defineFlow({
    name: 'agent-invocation',
    version: 1,
    input: inputSchema,
    output: outputSchema,
    async run(step, input) {
      const { question, sessionId } = input;
      try {
        const answer = await step.run(
          'agent',
          async (context) => {
            const { idempotencyKey, signal } = context;
            const trace = traceAgent(input, context, { agent, question, sessionId });
            const answered = await agent.answer({ question, sessionId, idempotencyKey, signal, trace });
            const { understood, topic = null } = answered;
            const { markdown, plain, toolCalls } = boundedAnswer(answered);
            return { markdown, plain, toolCalls: [...toolCalls], understood, topic };
          },
          { retry, timeoutMs: 15 * 60_000 },
        );
        return { answer, error: null };
      } catch (error) {
        if (error instanceof SignalboxError && error.code === 'run_cancelled') throw error;
        const known = error instanceof SignalboxError && error.code !== 'step_failed';
        const message = boundedText(error instanceof Error ? error.message : String(error), 4_000);
        return { answer: null, error: { code: known ? error.code : 'agent_failed', message } };
      }
    },
  });
}
