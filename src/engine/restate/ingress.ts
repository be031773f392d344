import { setTimeout as delay } from 'node:timers/promises';
import { uuidv7 } from '../../core/ids.ts';
import { type Answer, JsonClient, unavailable } from './http.ts';

/** How long a request is tried at the nodes in turn. */
const patienceMs = 15_000;
/** A node that is stopped in the middle does not refuse: after this the next one is asked. */
const answerWithinMs = 5_000;
const pauseMs = 100;

/**
 * The ingress of Restate: several nodes, of which any takes any request. Everything that is sent has a key of its own (a run
 * id, an idempotency key) or may be done twice, so that the same request can go to the next node when nobody knows whether the
 * one before took it.
 */
export class Ingress {
  readonly #urls: readonly string[];
  readonly #client = new JsonClient({ timeoutMs: answerWithinMs, keepAlive: true });
  /** The node that answered last. */
  #current = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''));
  }

  /** Calls a handler, once however often it has to be sent, and returns what it returned. Throws `engine_unavailable`. */
  async call<T>(path: readonly string[], body: unknown): Promise<T> {
    const { answer } = await this.#send('POST', path, body, { 'idempotency-key': uuidv7() });
    if (answer.status === 200) return answer.body as T;
    throw unavailable(`answered ${answer.status}`, answer.body);
  }

  /** Hands over a call that goes on by itself; tells whether the key was new. */
  async submit(path: readonly string[], body: unknown): Promise<Submitted> {
    const { answer, tries } = await this.#send('POST', [...path, 'send'], body);
    const { invocationId, status } = (answer.body ?? {}) as { invocationId?: string; status?: string };
    if (answer.status < 300 && invocationId !== undefined) {
      // What was accepted before may have been this request, when nobody heard the answer.
      return { invocationId, created: status === 'Accepted' || tries > 1 };
    }
    throw unavailable(`answered ${answer.status}`, answer.body);
  }

  /** Whether a workflow has ended: 470 says that it has not, 404 that there is none. */
  async hasEnded(service: string, key: string): Promise<boolean> {
    const { answer } = await this.#send('GET', ['restate', 'workflow', service, key, 'output']);
    const { status } = answer;
    return status !== 470 && status !== 404;
  }

  /** Whether any node answers. */
  async isHealthy(): Promise<boolean> {
    const answers = this.#urls.map(async (url) => {
      const { status } = await this.#client.send('GET', `${url}/restate/health`);
      if (status !== 200) throw new Error(`${url} answered ${status}`);
    });
    return Promise.any(answers).then(
      () => true,
      () => false,
    );
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #send(
    method: 'GET' | 'POST',
    path: readonly string[],
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ answer: Answer; tries: number }> {
    const until = Date.now() + patienceMs;
    const where = path.map(encodeURIComponent).join('/');
    const first = this.#current;
    for (let tries = 1; ; tries++) {
      const node = (first + tries - 1) % this.#urls.length;
      const answered = await this.#client.send(method, `${this.#urls[node]}/${where}`, body, headers).then(
        (answer) => ({ answer, again: isPassing(method, answer) }),
        (error: unknown) => ({ error, again: true }),
      );
      if (!answered.again && 'answer' in answered) {
        this.#current = node;
        return { answer: answered.answer, tries };
      }
      if (Date.now() > until) throw failure(answered);
      // All nodes in turn, then a pause.
      if (tries % this.#urls.length === 0) await delay(pauseMs);
    }
  }
}

export interface Submitted {
  readonly invocationId: string;
  /** False when the workflow had been started before. */
  readonly created: boolean;
}

/** What a node says that does not know a new deployment yet, or that is about to stop; not what our handlers say. */
function isPassing(method: string, { status, body }: Answer): boolean {
  if (status === 429 || status === 502 || status === 503 || status === 504) return true;
  const { source } = (body ?? {}) as { source?: string };
  return source === 'ingress' && (status >= 500 || (status === 404 && method === 'POST'));
}

function failure(answered: { answer: Answer } | { error: unknown }): Error {
  if ('error' in answered) return unavailable('cannot be reached', answered.error);
  return unavailable(`answered ${answered.answer.status}`, answered.answer.body);
}
