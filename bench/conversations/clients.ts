import { Latencies } from '../latency.ts';
import { Connection, postRequest } from '../load/http-client.ts';
import { serveJobs } from '../process/job.ts';
import type { ConversationClientResult, ConversationJob } from './conversations.ts';
import { Receiver } from './receiver.ts';

/** A process that asks by webhook and receives the answers, so that one clock sees both ends. */
serveJobs<ConversationJob, ConversationClientResult>(run);

async function run(job: ConversationJob): Promise<ConversationClientResult> {
  const clients = new Clients(job);
  const receiver = new Receiver(job.secret, (trackingId) => clients.delivered(trackingId));
  await receiver.listen(job.receiverPort);
  await clients.begin();
  if ('senders' in job.pace) await clients.askInTurn(job.pace.senders);
  else await clients.askAtRate(job.pace.perSecond);
  return clients.result(receiver.signaturesChecked);
}

interface Conversation {
  readonly postedAt: number;
  readonly done: () => void;
}

class Clients {
  readonly #job: ConversationJob;
  readonly #requests: readonly Buffer[];
  #beginMs = Number.POSITIVE_INFINITY;
  #endMs = Number.POSITIVE_INFINITY;
  readonly #open = new Map<string, Conversation>();
  /** Deliveries that came before the answer to the post. */
  readonly #early = new Map<string, number>();
  readonly #latencies = new Latencies();
  #cpuAtBegin: NodeJS.CpuUsage | undefined;
  #posted = 0;
  #delivered = 0;

  constructor(job: ConversationJob) {
    this.#job = job;
    this.#requests = job.bodies.map((body) => postRequest({ path: '/webhook', headers: job.headers }, body));
  }

  /** Begins once one question is answered: with the first one the analyst looks at the data. */
  async begin(): Promise<void> {
    const connection = new Connection(this.#job.port);
    await this.#ask(connection);
    connection.close();
    this.#beginMs = performance.now() + this.#job.warmUpMs;
    this.#endMs = this.#beginMs + this.#job.durationMs;
  }

  async askInTurn(senders: number): Promise<void> {
    await Promise.all(
      Array.from({ length: senders }, async () => {
        const connection = new Connection(this.#job.port);
        while (performance.now() < this.#endMs) await this.#ask(connection);
        connection.close();
      }),
    );
  }

  async askAtRate(perSecond: number): Promise<void> {
    const asked: Promise<void>[] = [];
    const idle: Connection[] = [];
    for (let dueMs = performance.now(); dueMs < this.#endMs; dueMs += 1_000 / perSecond) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
      const connection = idle.pop() ?? new Connection(this.#job.port);
      asked.push(this.#ask(connection).then(() => void idle.push(connection)));
    }
    await Promise.all(asked);
  }

  async #ask(connection: Connection): Promise<void> {
    const postedAt = performance.now();
    const request = this.#requests[this.#posted++ % this.#requests.length]!;
    const { status, body } = await connection.send(request);
    if (status !== 202) throw new Error(`A question was answered ${status}: ${body.toString()}`);
    const trackingId = /"tracking_id":"([^"]+)"/.exec(body.toString())![1]!;
    const arrivedAt = this.#early.get(trackingId);
    this.#early.delete(trackingId);
    if (arrivedAt !== undefined) this.#count(postedAt, arrivedAt);
    else await new Promise<void>((done) => this.#open.set(trackingId, { postedAt, done }));
  }

  delivered(trackingId: string): void {
    const now = performance.now();
    const conversation = this.#open.get(trackingId);
    if (conversation === undefined) this.#early.set(trackingId, now);
    else {
      this.#open.delete(trackingId);
      this.#count(conversation.postedAt, now);
      conversation.done();
    }
  }

  #count(postedAt: number, arrivedAt: number): void {
    this.#delivered += 1;
    if (arrivedAt < this.#beginMs || arrivedAt > this.#endMs) return;
    this.#cpuAtBegin ??= process.cpuUsage();
    this.#latencies.add(arrivedAt - postedAt);
  }

  result(signaturesChecked: number): ConversationClientResult {
    const { user, system } = process.cpuUsage(this.#cpuAtBegin);
    const latency = this.#latencies.summary();
    return {
      latency,
      perSecond: (latency.count / this.#job.durationMs) * 1_000,
      posted: this.#posted,
      delivered: this.#delivered,
      signaturesChecked,
      clientCpu: (user + system) / 1_000 / this.#job.durationMs,
    };
  }
}
