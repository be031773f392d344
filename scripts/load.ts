import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Latencies, type LatencySummary } from '../bench/latency.ts';
import { Connection, getRequest, postRequest } from '../bench/load/http-client.ts';
import { type ServerProcess, startServer } from '../test/fixtures/server-process.ts';

/**
 * What `npm run load` runs: the real server under 50 senders for three minutes or `--minutes N`, then under 200 that send as fast as
 * they can: against a short queue, and against a rate limit. Prints a report for docs/reference/performance.md, and exits with 1 when a sender
 * saw an error, when memory went on growing, or when what was accepted under overload was slow.
 */
const senders = 50;
const perSecond = 100;
const overloadSenders = 200;
const overloadSeconds = 15;
const acceptedWithinMs = 1_000;

const at = process.argv.indexOf('--minutes');
const minutes = at === -1 ? 3 : Number(process.argv[at + 1]);
if (!(minutes > 0)) {
  console.error('--minutes is no number above 0.');
  process.exit(2);
}

interface Outcome {
  readonly statuses: Readonly<Record<string, number>>;
  readonly accepted: LatencySummary;
  readonly seconds: number;
  /** Of the server, in MiB, once a second. */
  readonly memory: readonly number[];
  /** Refusals that did not say when to come back. */
  readonly withoutRetryAfter: number;
}

const questions = [
  'What deals are closing this quarter?',
  'Which deals are at risk?',
  'How is consumption developing?',
];

const requestOf = (sender: number, count: number): Buffer =>
  postRequest(
    { path: '/webhook', headers: {} },
    JSON.stringify({
      query: questions[count % questions.length],
      source_system: `sender_${sender}`,
      source_process: 'load',
      timestamp: new Date().toISOString(),
    }),
  );

async function under(
  server: ServerProcess,
  count: number,
  seconds: number,
  everyMs: number,
): Promise<Outcome> {
  const port = Number(new URL(server.url).port);
  const statuses: Record<string, number> = {};
  const latencies = new Latencies();
  const memory: number[] = [];
  let withoutRetryAfter = 0;
  const begunAt = performance.now();
  const sampling = setInterval(() => memory.push(memoryOf(server)), 1_000);
  const send = async (sender: number) => {
    const connection = new Connection(port);
    for (let sent = 0; performance.now() < begunAt + seconds * 1_000; sent++) {
      const dueAt = begunAt + (sent + sender / count) * everyMs;
      if (everyMs > 0)
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      const sentAt = performance.now();
      const { status, head } = await connection.send(requestOf(sender, sent));
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 202) latencies.add(performance.now() - sentAt);
      else if (!head.includes('\r\nretry-after:')) withoutRetryAfter++;
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: count }, (_, sender) => send(sender)));
  clearInterval(sampling);
  return { statuses, accepted: latencies.summary(), seconds, memory, withoutRetryAfter };
}

const memoryOf = ({ process: { pid } }: ServerProcess): number => {
  const [, kibibytes] = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)!;
  return Number(kibibytes) / 1_024;
};

/** How many conversations are not complete, once nothing changes any more. */
async function leftOver(server: ServerProcess): Promise<number> {
  const connection = new Connection(Number(new URL(server.url).port));
  const until = performance.now() + 60_000;
  for (;;) {
    const { body } = await connection.send(getRequest('/health', {}));
    const { runs } = JSON.parse(body.toString()) as { runs: { queued: number; running: number } };
    const left = runs.queued + runs.running;
    if (left === 0 || performance.now() > until) {
      connection.close();
      return left;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function withServer<T>(
  variables: Record<string, string>,
  work: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-load-'));
  const server = await startServer({ SIGNALBOX_DATA_DIR: folder, LOG_LEVEL: 'error', ...variables });
  try {
    return await work(server);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

const highest = (values: readonly number[]): number => Math.round(Math.max(...values));
const faults: string[] = [];
const expect = (holds: boolean, fault: string) => holds || faults.push(fault);

function report(what: string, { statuses, accepted, seconds, memory }: Outcome): void {
  const rate = (number: number) => Math.round(number / seconds).toLocaleString('en');
  const others = Object.entries(statuses).filter(([status]) => status !== '202');
  const refused = others.map(([status, number]) => `${status}: ${rate(number)}/s`).join(', ') || 'none';
  const times = [accepted.p50Ms, accepted.p99Ms, accepted.maxMs].map((ms) => ms.toFixed(1)).join(' / ');
  console.log(
    `| ${what} | ${accepted.count.toLocaleString('en')} (${rate(accepted.count)}/s) | ${refused} | ${times} ms | ${highest(memory)} MiB |`,
  );
}

console.log(
  '| | accepted | refused | p50 / p99 / longest of the accepted | memory at most |\n| --- | --- | --- | --- | --- |',
);

const steady = await withServer({}, async (server) => {
  const outcome = await under(server, senders, minutes * 60, (senders / perSecond) * 1_000);
  return { outcome, left: await leftOver(server) };
});
const { memory } = steady.outcome;
const third = Math.floor(memory.length / 3);
const [early, late] = [highest(memory.slice(third, 2 * third)), highest(memory.slice(-third))];
report(`${senders} senders, ${perSecond} a second in all, ${minutes} min`, steady.outcome);
expect(
  Object.keys(steady.outcome.statuses).join() === '202',
  `answers other than 202: ${JSON.stringify(steady.outcome.statuses)}`,
);
expect(steady.left === 0, `${steady.left} runs had not ended a minute later`);
expect(late < early * 1.25, `memory grew from ${early} MiB in the second third to ${late} MiB in the last`);

const limits: readonly [what: string, status: string, variables: Record<string, string>][] = [
  ['a queue of 100', '503', { SIGNALBOX_QUEUE_LIMIT: '100', SIGNALBOX_RATE_LIMIT: 'off' }],
  ['10 a second for each', '429', { SIGNALBOX_RATE_LIMIT: '10/1s', SIGNALBOX_QUEUE_LIMIT: '10000000' }],
];
for (const [what, status, variables] of limits) {
  const outcome = await withServer(variables, (server) => under(server, overloadSenders, overloadSeconds, 0));
  report(`${overloadSenders} senders without a pause, ${what}`, outcome);
  const seen = Object.keys(outcome.statuses).sort().join();
  expect(seen === `202,${status}`, `${what}: ${JSON.stringify(outcome.statuses)}`);
  expect(
    outcome.accepted.p99Ms < acceptedWithinMs,
    `${what}: the p99 of what was accepted is ${outcome.accepted.p99Ms} ms`,
  );
  expect(
    outcome.withoutRetryAfter === 0,
    `${what}: ${outcome.withoutRetryAfter} refusals without Retry-After`,
  );
}

console.log(
  `\nMemory in the second third of the ${minutes} min: ${early} MiB at most; in the last: ${late} MiB.`,
);
for (const fault of faults) console.error(`NOT MET: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
