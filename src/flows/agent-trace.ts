import type { Agent, AgentTrace } from '../agents/agent.ts';
import { type Traced, traceHeaders } from '../core/trace-context.ts';
import type { StepContext } from '../engine/engine.ts';

/** Gives a call of an agent its place in the trace of an input. */
export type TraceAgent = (
  input: Traced,
  context: StepContext,
  asked: { readonly agent: Agent; readonly sessionId: string; readonly question: string },
) => AgentTrace;

/** Where no spans are made: an agent elsewhere is told what the sender said. */
export const passOnTrace: TraceAgent = (input) => ({ headers: traceHeaders(input), toolCalled: () => {} });
