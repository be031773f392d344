import { Latencies } from '../latency.ts';
import { serveJobs } from '../process/job.ts';
import { Connection, postRequest } from './http-client.ts';
import type { LoadJob, LoadResult } from './load.ts';

/** A process that sends requests over some connections, each its next one as soon as the last is answered. */
serveJobs<LoadJob, LoadResult>(run);

async function run(job: LoadJob): Promise<LoadResult> {
  const requests = job.bodies.map((body) => postRequest(job, body));
  const connections = Array.from({ length: job.connections }, () => new Connection(job.port));
  const measured = new Measured(job);
  await Promise.all(
    connections.map(async (connection) => {
      while (!measured.isOver) {
        const sentAt = performance.now();
        const { status } = await connection.send(requests[measured.next() % requests.length]!);
        measured.add(sentAt, status);
      }
    }),
  );
  for (const connection of connections) connection.close();
  return measured.result();
}

/** Counts what is answered between the end of the warm-up and the end. */
class Measured {
  readonly #beginMs: number;
  readonly #endMs: number;
  readonly #latencies = new Latencies();
  readonly #statuses: Record<string, number> = {};
  #sent = 0;
  #cpuAtBegin: NodeJS.CpuUsage | undefined;

  constructor(job: LoadJob) {
    this.#beginMs = performance.now() + job.warmUpMs;
    this.#endMs = this.#beginMs + job.durationMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endMs;
  }

  next(): number {
    return this.#sent++;
  }

  add(sentAtMs: number, status: number): void {
    const now = performance.now();
    if (now < this.#beginMs || now > this.#endMs) return;
    this.#cpuAtBegin ??= process.cpuUsage();
    this.#latencies.add(now - sentAtMs);
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
  }

  result(): LoadResult {
    const { user, system } = process.cpuUsage(this.#cpuAtBegin);
    const durationMs = this.#endMs - this.#beginMs;
    const latency = this.#latencies.summary();
    return {
      latency,
      statuses: this.#statuses,
      perSecond: (latency.count / durationMs) * 1_000,
      sent: this.#sent,
      senderCpu: (user + system) / 1_000 / durationMs,
    };
  }
}
