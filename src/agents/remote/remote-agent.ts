import { setTimeout as pause } from 'node:timers/promises';
import { type Envelope, envelopeVersion } from '../../core/envelope.ts';
import { messageOf, SignalboxError } from '../../core/errors.ts';
import { uuidv7 } from '../../core/ids.ts';
import { nextDelayMs, type RetryPolicy } from '../../core/retry.ts';
import type { AgentSigner } from '../../identity/agent-tokens.ts';
import type { Agent, AgentAnswer, AgentQuestion } from '../agent.ts';
import { readAnswer } from './answer.ts';

export interface RemoteAgentOptions {
  /** Of the agent, which the operator wrote: `https://other.example/agents/analyst`. */
  readonly url: string;
  /** The agent here that asks. */
  readonly source: string;
  readonly signer: AgentSigner;
  /** Default: five attempts after 1, 2, 4 and 8 s. */
  readonly retry?: RetryPolicy;
  /** For one attempt. Default 60,000. */
  readonly timeoutMs?: number;
  /** Told of each attempt that failed and is made again. It does not throw. */
  readonly onRetry?: (failed: FailedAttempt) => void;
}

export interface FailedAttempt {
  readonly agent: string;
  readonly attempt: number;
  readonly reason: string;
  readonly delayMs: number;
}

const usualRetry: RetryPolicy = { maxAttempts: 5, delaysMs: [1_000, 2_000, 4_000, 8_000] };
const answerLimitBytes = 8 * 1_024 * 1_024;
/** While it works on the first request it says so, and is asked again after a moment, for as long as there is time. */
const inProgressMs = 500;

/**
 * An agent in another Signalbox. Each attempt has the same idempotency key and the same question, and a token of its own; so one that was
 * not heard to its end is asked once, however often it is sent. Redirects are not followed.
 */
export function createRemoteAgent(options: RemoteAgentOptions): Agent {
  const name = options.url.split('/').at(-1)!;
  return {
    name,
    url: options.url,
    async answer(question) {
      const { retry = usualRetry } = options;
      const startedAt = performance.now();
      for (let attempt = 1; ; ) {
        const outcome = await attemptOnce(options, name, question);
        if (outcome.kind === 'answered') return outcome.answer;
        question.signal.throwIfAborted();
        if (outcome.kind === 'in_progress') {
          await pause(inProgressMs, undefined, { signal: question.signal });
          continue;
        }
        const { retryable, retryAfterMs } = outcome;
        const elapsedMs = performance.now() - startedAt;
        const failed = { attempt, retryable, retryAfterMs, elapsedMs, random: Math.random() };
        const delayMs = nextDelayMs(retry, failed);
        if (delayMs === undefined) throw failure(options.url, outcome);
        options.onRetry?.({ agent: name, attempt, reason: outcome.reason, delayMs });
        await pause(delayMs, undefined, { signal: question.signal });
        attempt++;
      }
    },
  };
}

interface Failed {
  readonly kind: 'failed';
  readonly retryable: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly reason: string;
}

type Outcome =
  | { readonly kind: 'answered'; readonly answer: AgentAnswer }
  | { readonly kind: 'in_progress' }
  | Failed;

async function attemptOnce(
  { url, source, signer, timeoutMs = 60_000 }: RemoteAgentOptions,
  name: string,
  question: AgentQuestion,
): Promise<Outcome> {
  const body = JSON.stringify(envelopeOf(source, name, question));
  const token = await signer.sign({ agent: source, audience: url, body });
  const headers = {
    ...{ 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'Signalbox' },
    ...question.trace?.headers,
    authorization: `Bearer ${token}`,
  };
  const signal = AbortSignal.any([question.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const options = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const response = await fetch(`${url}/invoke`, options);
    return outcomeOf(response, await boundedText(response));
  } catch (error) {
    question.signal.throwIfAborted();
    const reason = signal.aborted
      ? `it did not answer within ${timeoutMs} ms`
      : messageOf((error as Error).cause ?? error);
    return { kind: 'failed', retryable: true, reason };
  }
}

function envelopeOf(source: string, target: string, question: AgentQuestion): Envelope {
  const { idempotencyKey, sessionId } = question;
  return {
    metadata: {
      ...{ request_id: uuidv7(), flow_id: 'query', source_agent: source, target_agent: target },
      ...{ message_id: uuidv7(), timestamp: new Date().toISOString(), idempotency_key: idempotencyKey },
      ...{ correlation_id: sessionId, version: envelopeVersion },
    },
    payload: { question: question.question, session_id: sessionId },
  };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerLimitBytes) throw new Error(`its answer has more than ${answerLimitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function outcomeOf(response: Response, text: string): Outcome {
  const { status } = response;
  if (status === 200) {
    const answer = readAnswer(text);
    if (answer !== undefined) return { kind: 'answered', answer };
    return { kind: 'failed', retryable: false, reason: 'its answer is not the envelope that was expected' };
  }
  const { code, message, isFinal } = errorIn(text);
  if (status === 409 && code === 'idempotency_in_progress') return { kind: 'in_progress' };
  const seconds = Number(response.headers.get('retry-after'));
  return {
    kind: 'failed',
    retryable: !isFinal && (status >= 500 || status === 408 || status === 429),
    retryAfterMs: seconds > 0 ? Math.min(seconds, 60) * 1_000 : undefined,
    reason: `it answered ${status}${message === '' ? '' : `: ${message}`}`,
  };
}

/** What the error envelope, or the problem details, say; of any other body nothing. */
function errorIn(text: string) {
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const error = (body.error ?? body) as Record<string, unknown>;
    const message = String(error.message ?? error.detail ?? '').replace(/\p{Cc}+/gu, ' ');
    const strategy = error.retry_strategy as { max_attempts?: unknown } | undefined;
    const isFinal = strategy?.max_attempts === 0;
    return { code: String(error.code ?? ''), message: message.slice(0, 300), isFinal };
  } catch {
    return { code: '', message: '', isFinal: false };
  }
}

const failure = (url: string, { reason, retryable }: Failed) =>
  new SignalboxError('agent_failed', `The agent at ${url} could not answer: ${reason}.`, { retryable });
