import { conversationId } from '../../src/core/conversation-id.ts';
import { uuidv7 } from '../../src/core/ids.ts';
import type { Fact, StampedFact } from '../../src/engine/engine.ts';
import { event, webhookTypes } from '../../src/record/events.ts';
import { distinctQuestions } from '../questions.ts';

const dayMs = 86_400_000;
/** The conversations of the record are those of so many days. */
export const days = 60;

/** The same numbers each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Words by how often they occur: the n-th about 1/n as often as the first. */
export const words = Array.from({ length: 20_000 }, (_, n) => {
  const syllables = ['ka', 'ro', 'mi', 'te', 'lu', 'san', 'vor', 'pel', 'dri', 'nox'];
  return [...String(n + 10)].map((digit) => syllables[Number(digit)]).join('');
});

/** Whole lives of conversations as flows record them, spread evenly over the days before `now`. */
export class Lives {
  readonly #random = randomFrom(1);
  readonly #questions = distinctQuestions();
  readonly #now: number;
  readonly #count: number;

  constructor(count: number, now = Date.now()) {
    this.#count = count;
    this.#now = now;
  }

  facts(n: number, at = this.#timeOf(n)): StampedFact[] {
    const trackingId = uuidv7(at);
    return this.#life(trackingId, at, n).map((fact, position) => ({
      ...fact,
      id: `${trackingId}/${position}/1/0`,
      at: at + position * 3,
    }));
  }

  #timeOf(n: number): number {
    return this.#now - days * dayMs + Math.floor((n / this.#count) * days * dayMs);
  }

  #text(length: number): string {
    const word = () => words[Math.floor(words.length ** this.#random()) - 1]!;
    return Array.from({ length }, word).join(' ');
  }

  #life(trackingId: string, at: number, n: number): Fact[] {
    const random = this.#random;
    const [sourceSystem, sourceProcess] = [`bench ${n % 50}`, `process ${n % 20}`];
    const conversation = {
      conversationId: conversationId({
        ...{ nowMs: at, sourceSystem, sourceProcess },
        suffix: n.toString(16).padStart(6, '0').slice(-6),
      }),
      deliveryId: uuidv7(at),
      ...{ sourceSystem, sourceProcess },
      webhookType: webhookTypes[n % 4]!,
    };
    const agent = { agent: 'analyst', sessionId: `webhook_${n}` };
    const query = `${this.#questions[n % this.#questions.length]} ${this.#text(4)}?`;
    const answer = this.#text(60 + Math.floor(random() * 60));
    const delivery = { ...conversation, answered: true };
    const isDelivered = n % 100 !== 0;
    const attempt = {
      ...delivery,
      attempt: 1,
      webhookUrl: 'https://receiver.example/answers',
      responseTimeMs: 20,
    };
    return [
      event('WEBHOOK_REQUEST_RECEIVED', trackingId, {
        ...conversation,
        ...{ query, timestamp: new Date(at).toISOString(), queuedAt: new Date(at).toISOString() },
        ...{ estimatedProcessingTime: '30-60 seconds', requestSizeBytes: 160 },
        extra: n % 10 === 0 ? { account_id: `account ${n % 5_000}` } : {},
      }),
      event('WEBHOOK_MANAGER_AGENT_INVOKED', trackingId, { ...conversation, ...agent }),
      event('WEBHOOK_MANAGER_AGENT_RESPONSE', trackingId, {
        ...{ ...conversation, ...agent, response: `**${answer}**`, responsePlain: answer },
        ...{ understood: true, error: null, attempts: 1, agentTimeMs: 8, executionTimeSeconds: 0.008 },
        toolCalls: [
          { tool: 'warehouse.query', input: { sql: 'SELECT 1' }, output: { rows: 1 }, durationMs: 2 },
        ],
        ...{ answerTimeMs: 10, responseSizeBytes: answer.length + 4 },
      }),
      event('WEBHOOK_RESPONSE_CLASSIFIED', trackingId, { ...conversation, guessedType: 'general' }),
      event('WEBHOOK_OUTBOUND_QUEUED', trackingId, delivery),
      isDelivered
        ? event('WEBHOOK_DELIVERY_SUCCESS', trackingId, { ...attempt, statusCode: 200 })
        : event('WEBHOOK_DELIVERY_FAILED', trackingId, {
            ...{ ...attempt, statusCode: 500, reason: 'The receiver answered 500', nextAttemptAt: null },
          }),
      event('WEBHOOK_CONVERSATION_COMPLETED', trackingId, {
        ...delivery,
        status: isDelivered ? 'delivered' : 'delivery_failed',
        deliveryStatus: isDelivered ? 'delivered' : 'failed',
        attempts: 1,
        totalTimeMs: Math.floor(10 + 2_000 * random() ** 4),
      }),
    ];
  }
}
