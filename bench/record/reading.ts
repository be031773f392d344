import { Latencies, type LatencySummary } from '../latency.ts';
import { Connection, getRequest, postRequest } from '../load/http-client.ts';
import { askBody, authorization } from '../process/signalbox.ts';
import { repeatedQuestions } from '../questions.ts';
import { days, words } from './fill.ts';

/** What is asked of a record while 500 questions a second are accepted. */
export interface Read {
  readonly name: string;
  readonly latency: LatencySummary;
}

export interface ReadingResult {
  readonly acceptedPerSecond: number;
  /** Before anything is read, and while it is. */
  readonly alone: LatencySummary;
  readonly accept: LatencySummary;
  readonly reads: readonly Read[];
  /** Events that search had not looked at when the load ended. */
  readonly behind: number;
}

const dayMs = 86_400_000;
const perSecond = 500;
/** Of each kind, and how long all of them may take on a slow machine. */
const readsEach = 100;
const readingMs = 100_000;
/** Between two reads of one person who looks at things. */
const pauseMs = 20;

const anyTime = () => Date.now() - Math.floor(Math.random() * days * dayMs);
const iso = (at: number) => new Date(at).toISOString();
const some = (from: number, to: number) => words[from + Math.floor(Math.random() * (to - from))]!;
const number = (below: number) => Math.floor(Math.random() * below);
const enc = encodeURIComponent;

/** Each asks for something else every time. */
const reads: Readonly<Record<string, () => string>> = {
  list: () => '/conversations?limit=50',
  'list from anywhere': () => `/conversations?limit=50&after=${anyTime()}.1`,
  'filter: source from anywhere': () =>
    `/conversations?limit=50&source_system=${enc(`bench ${number(50)}`)}&to=${iso(anyTime())}`,
  'filter: source, process, status': () =>
    `/conversations?limit=50&source_system=${enc(`bench ${number(50)}`)}&source_process=${enc(`process ${number(20)}`)}&status=delivery_failed`,
  'filter: account, a week': () => {
    const from = anyTime();
    return `/conversations?account=${enc(`account ${number(500) * 10}`)}&from=${iso(from)}&to=${iso(from + 7 * dayMs)}`;
  },
  'filter and count': () => `/conversations?limit=1&count=true&webhook_type=general&from=${iso(anyTime())}`,
  'search: a rare word': () => `/conversations/search?q=${some(2_000, 20_000)}`,
  'search: a frequent word': () => `/conversations/search?q=${some(0, 20)}`,
  'search: two words': () => `/conversations/search?q=${some(0, 100)}%20${some(100, 2_000)}`,
  'search: a phrase': () => `/conversations/search?q=%22${some(0, 50)}%20${some(0, 50)}%22`,
  'search: a beginning': () => `/conversations/search?q=${some(100, 20_000).slice(0, 5)}*`,
  'search: a word of a source in a week': () => {
    const from = anyTime();
    return `/conversations/search?q=${some(0, 200)}&source_system=${enc(`bench ${number(50)}`)}&from=${iso(from)}&to=${iso(from + 7 * dayMs)}`;
  },
  'stats: 5 minutes, a day': () => {
    const from = anyTime();
    return `/conversations/stats?bucket=5m&from=${iso(from)}&to=${iso(from + dayMs)}`;
  },
  'stats: an hour, 60 days': () => `/conversations/stats?bucket=1h&from=${iso(Date.now() - days * dayMs)}`,
  'stats: a day, 60 days': () => `/conversations/stats?bucket=1d&from=${iso(Date.now() - days * dayMs)}`,
};

/** How long questions are accepted before anything is read. */
const aloneMs = 15_000;

/** Reads of a server, one request at a time, while it accepts others. */
export async function measureReading(port: number): Promise<ReadingResult> {
  const load = acceptAt(port, perSecond);
  await new Promise((resolve) => setTimeout(resolve, aloneMs));
  const alone = load.take();
  const reads = await readAll(port);
  const accept = load.take();
  const acceptedPerSecond = await load.end();
  return { alone, accept, acceptedPerSecond, reads, behind: await behindOf(port) };
}

async function readAll(port: number): Promise<Read[]> {
  const connection = new Connection(port);
  const latencies = new Map(Object.keys(reads).map((name) => [name, new Latencies()]));
  const begun = performance.now();
  for (let round = 0; round < readsEach && performance.now() - begun < readingMs; round++) {
    for (const [name, pathOf] of Object.entries(reads)) {
      const path = pathOf();
      const sent = performance.now();
      const { status } = await connection.send(getRequest(path, authorization));
      latencies.get(name)!.add(performance.now() - sent);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (status !== 200) throw new Error(`GET ${path} was answered with ${status}.`);
    }
  }
  connection.close();
  return [...latencies].map(([name, of]) => ({ name, latency: of.summary() }));
}

async function behindOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/projections`, { headers: authorization });
  const { projections } = (await response.json()) as { projections: { name: string; behind: number }[] };
  return projections.find(({ name }) => name === 'search')!.behind;
}

/** Posts questions at a steady rate over 32 connections; how late they were sent counts as well. */
function acceptAt(port: number, rate: number) {
  const idle = Array.from({ length: 32 }, () => new Connection(port));
  const all = [...idle];
  let latencies = new Latencies();
  let accepted = 0;
  const due: number[] = [];
  const begun = performance.now();
  let planned = 0;
  let failure: Error | undefined;
  const sendNext = () => {
    while (due.length > 0 && idle.length > 0) {
      const connection = idle.pop()!;
      const dueAt = due.shift()!;
      const body = askBody(repeatedQuestions[planned % repeatedQuestions.length]!);
      connection.send(postRequest({ path: '/webhook', headers: authorization }, body)).then(
        ({ status }) => {
          latencies.add(performance.now() - dueAt);
          accepted++;
          if (status !== 202) failure ??= new Error(`POST /webhook was answered with ${status}.`);
          idle.push(connection);
          sendNext();
        },
        (error: Error) => {
          failure ??= error;
        },
      );
    }
  };
  const timer = setInterval(() => {
    for (; planned < ((performance.now() - begun) / 1_000) * rate; planned++) {
      due.push(begun + (planned / rate) * 1_000);
    }
    sendNext();
  }, 5);
  return {
    /** How late questions were accepted since the last time that it was asked. */
    take() {
      const summary = latencies.summary();
      latencies = new Latencies();
      return summary;
    },
    async end() {
      clearInterval(timer);
      while (idle.length < all.length && failure === undefined) await new Promise(setImmediate);
      if (failure !== undefined) throw failure;
      for (const connection of all) connection.close();
      return accepted / ((performance.now() - begun) / 1_000);
    },
  };
}
