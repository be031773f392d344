import { JsonClient, unavailable } from './http.ts';

const answerWithinMs = 30_000;

/** The admin API of Restate: what runs there are, and what an operator may do to them. */
export class Admin {
  readonly #url: string;
  // Its answers come in two packets, of which a kept connection holds the second back for 40 ms.
  readonly #client = new JsonClient({ timeoutMs: answerWithinMs, keepAlive: false });

  constructor(url: string) {
    this.#url = url.replace(/\/+$/, '');
  }

  /** Rows of the introspection tables. Values go in by `text`. Throws `engine_unavailable`. */
  async query<T>(sql: string): Promise<T[]> {
    const { rows } = (await this.#ask('POST', '/query', { query: sql })) as { rows: T[] };
    return rows;
  }

  /**
   * Tells Restate where a deployment is, and returns what it knows of it, each as `service/handler`. Doing it again changes
   * nothing, unless it is to look again at what is there (`force`).
   */
  async register(uri: string, force = false): Promise<ReadonlySet<string>> {
    const answer = await this.#ask('POST', '/deployments', { uri, use_http_11: false, force });
    const { services } = answer as { services: { name: string; handlers: { name: string }[] }[] };
    return new Set(services.flatMap(({ name, handlers }) => handlers.map((one) => `${name}/${one.name}`)));
  }

  /** Lets a run that is paused, or that waits for another attempt, try again now. */
  async resume(invocationId: string): Promise<void> {
    await this.#ask('PATCH', `/invocations/${invocationId}/resume`);
  }

  /** Ends a run and the runs that it calls without another attempt. */
  async kill(invocationId: string): Promise<void> {
    await this.#ask('PATCH', `/invocations/${invocationId}/kill`);
  }

  /** Takes away what is kept of an invocation that has ended. */
  async purge(invocationId: string): Promise<void> {
    await this.#ask('PATCH', `/invocations/${invocationId}/purge`);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** 404 and 409 to an operation mean that there is nothing to do any more. */
  async #ask(method: 'POST' | 'PATCH', path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#client
      .send(method, `${this.#url}${path}`, body)
      .catch((error: unknown) =>
        Promise.reject(unavailable('cannot be reached at its admin address', error)),
      );
    const done = method === 'PATCH' && (answer.status === 404 || answer.status === 409);
    if (answer.status < 300 || done) return answer.body;
    throw unavailable(`answered ${answer.status} at its admin address`, answer.body);
  }
}

/** A text in SQL. */
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
