/**
 * The agent port: something that answers a question. The analyst needs no model; others run a model with tools.
 *
 * An agent must come to an end within the time it is given (`signal`), may be asked the same question again after a
 * crash (with the same `idempotencyKey`), and throws an error whose `retryable` says whether another try may help.
 */

export interface AgentQuestion {
  readonly question: string;
  /** Questions of one session may refer to each other. */
  readonly sessionId: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  readonly trace?: AgentTrace;
}

/** Where the answer has its place in a trace. */
export interface AgentTrace {
  /** What whoever is asked elsewhere is told of it. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Told of each call of a tool once it is over, also of those that fail and of answers that fail after them. It does not throw. What an
   * agent elsewhere calls is told there. Calls of models are told here too, once there are any: as another method.
   */
  toolCalled(call: ToolCall & { readonly startedAt: number; readonly error?: unknown }): void;
}

export interface AgentAnswer {
  /** For people who see formatting: GitHub-flavoured markdown. */
  readonly markdown: string;
  /** The same without any markup; it reads well on its own. */
  readonly plain: string;
  /** What the answer rests on, in the order of use. */
  readonly toolCalls: readonly ToolCall[];
  /** Whether the question was understood; an answer that says it was not is still an answer. */
  readonly understood: boolean;
  /** What the question is about, when the agent knows better than a guess from its words. */
  readonly topic?: 'deal' | 'data' | 'lead' | 'general';
}

export interface ToolCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** A short account of what came back: counts, not contents. */
  readonly output: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch; absent from agents elsewhere that do not say it. */
  readonly startedAt?: number;
  readonly durationMs: number;
}

export interface Agent {
  readonly name: string;
  /** Where it is asked, when that is another process. */
  readonly url?: string;
  answer(question: AgentQuestion): Promise<AgentAnswer>;
}
