import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import type { PostgresDatabase, Transaction } from './database.ts';

const channel = 'signalbox_record';

/** Whoever listens hears, once the transaction is committed, that the record has grown. */
export async function tellOthers(sql: Transaction): Promise<void> {
  await sql.run(`NOTIFY ${channel}`);
}

export interface NewsOptions {
  readonly database: PostgresDatabase;
  /** A connection of its own, not connected yet. */
  readonly createClient: () => Client;
  readonly onNews: () => void;
}

/** How long our own message may take to come back before we believe that none ever will. */
const echoWithinMs = 5_000;
const reconnectMs = { first: 100, most: 5_000 };

/**
 * Hears of what other processes write, where the way to the server keeps a connection to itself. PgBouncer in transaction mode
 * does not: `LISTEN` succeeds there and nothing ever comes. So the first thing is a message of our own; where it does not come back,
 * the connection is given up for good, and looking from time to time is all that there is.
 */
export class News {
  readonly #options: NewsOptions;
  #client: Client | undefined;
  #hears = false;
  #stopped = false;

  constructor(options: NewsOptions) {
    this.#options = options;
  }

  /** Whether news come by themselves. */
  get hears(): boolean {
    return this.#hears;
  }

  begin(): void {
    void this.#keepListening();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client?.end().catch(() => {});
  }

  async #keepListening(): Promise<void> {
    for (let delayMs = reconnectMs.first; !this.#stopped; delayMs = Math.min(delayMs * 2, reconnectMs.most)) {
      const client = this.#options.createClient();
      this.#client = client;
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      // What breaks it is followed by its end.
      client.on('error', () => {});
      const outcome = await this.#listen(client).catch(() => 'broken' as const);
      if (outcome === 'deaf') return void (await client.end().catch(() => {}));
      if (outcome === 'hears') {
        this.#hears = !this.#stopped;
        delayMs = reconnectMs.first;
        await ended;
        this.#hears = false;
        this.#options.onNews();
      }
      await client.end().catch(() => {});
      await pause(delayMs, undefined, { ref: false });
    }
  }

  async #listen(client: Client): Promise<'hears' | 'deaf'> {
    await client.connect();
    const own = randomUUID();
    const echo = Promise.withResolvers<'hears'>();
    client.on('notification', ({ payload }) => {
      if (payload === own) echo.resolve('hears');
      else this.#options.onNews();
    });
    await client.query(`LISTEN ${channel}`);
    await this.#options.database.write((sql) => sql.run('SELECT pg_notify($1, $2)', [channel, own]));
    const broken = new Promise<never>((_, reject) => client.once('end', () => reject(new Error('ended'))));
    const silence = pause(echoWithinMs, 'deaf' as const, { ref: false });
    return Promise.race([echo.promise, silence, broken]);
  }
}
