import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { type Receiver, startReceiver } from '../fixtures/receiver.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion, questionBody } from './asked.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const kills = Number(process.env.CHAOS_KILLS ?? 3);
const senders = 6;

interface Installation {
  readonly folder: string;
  readonly receiver: Receiver;
  start(dataDir?: string): Promise<ServerProcess>;
}

async function installation(context: TestContext): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-recovery-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  const servers: ServerProcess[] = [];
  context.after(async () => {
    for (const server of servers) await server.kill();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async (dataDir = join(folder, 'data')) => {
    const server = await startServer({
      SIGNALBOX_DATA_DIR: dataDir,
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
      SIGNALBOX_RATE_LIMIT: 'off',
      SIGNALBOX_PARK_AFTER_CRASHES: 'off',
      WEBHOOK_URL: receiver.url,
    });
    servers.push(server);
    return server;
  };
  return { folder, receiver, start };
}

/** Asks from several senders until there are enough; an answer that is lost is nobody's. */
async function askUntil(server: ServerProcess, accepted: string[], enough: () => boolean): Promise<void> {
  const sender = async () => {
    while (!enough()) {
      const response = await postQuestion(server, accepted.length);
      assert.equal(response.status, 202);
      accepted.push(((await response.json()) as { tracking_id: string }).tracking_id);
    }
  };
  await Promise.all(Array.from({ length: senders }, sender));
}

test('three servers start at once on the folder of a killed one: one of them takes up its runs, the others are refused', {
  timeout: 120_000,
}, async (context) => {
  const { receiver, start } = await installation(context);
  const accepted: string[] = [];
  const first = await start();
  await askUntil(first, accepted, () => accepted.length >= 50);
  await first.kill();
  const starts = await Promise.allSettled(Array.from({ length: 3 }, () => start()));
  const running = starts.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  assert.equal(running.length, 1);
  for (const result of starts) {
    if (result.status === 'rejected')
      assert.match(
        String(result.reason),
        /ended with 1:\nSignalbox could not start\. The data folder .* is used by/,
      );
  }
  const server = running[0]!;
  await checkAnswered(server, receiver, accepted);
  assert.equal(await server.stop(), 0, server.output());
});

/** Runs the command line tool on a data folder. */
async function tool(dataDir: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const bin = join(import.meta.dirname, '..', '..', 'bin', 'signalbox');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(bin, args, { env: { PATH, HOME, SIGNALBOX_DATA_DIR: dataDir } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

test('a backup that was taken under load, of a server that was killed then, has all that was accepted before it', {
  timeout: 120_000,
}, async (context) => {
  const { folder, receiver, start } = await installation(context);
  const [file, restored] = [join(folder, 'backup'), join(folder, 'restored')];
  const server = await start();
  const accepted: string[] = [];
  await askUntil(server, accepted, () => accepted.length >= 50);
  let isTaken = false;
  const asking = askUntil(server, accepted, () => isTaken);
  const before = [...accepted];
  const backup = await tool(join(folder, 'data'), 'backup', file);
  isTaken = true;
  assert.equal(backup.code, 0, backup.output);
  await asking;
  await server.kill();
  assert.ok(accepted.length > before.length, 'it was asked while the backup was taken');
  assert.equal((await tool(restored, 'restore', file)).code, 0);
  assert.equal((await tool(restored, 'check')).code, 0);
  const next = await start(restored);
  await checkAnswered(next, receiver, before);
  // What came later is there or not, and whole where it is.
  const known = [];
  for (const trackingId of accepted.slice(before.length)) {
    if ((await fetch(`${next.url}/webhook/${trackingId}`)).status === 200) known.push(trackingId);
  }
  await checkAnswered(next, receiver, known);
  context.diagnostic(
    `${before.length} questions accepted before the backup, ${known.length} meanwhile are in it`,
  );
  assert.equal(await next.stop(), 0, next.output());
});

/** A request that is repeated until it is answered, and sometimes after that. */
interface Keyed {
  readonly key: string;
  readonly body: string;
  readonly trackingIds: Set<string>;
}

/** Whether the server still answers; the answer may be lost, because the sender has left. */
async function postKeyed(server: ServerProcess, { key, body, trackingIds }: Keyed, leaveAfterMs?: number) {
  const leaving = new AbortController();
  const timer = leaveAfterMs === undefined ? undefined : setTimeout(() => leaving.abort(), leaveAfterMs);
  try {
    const headers = { 'idempotency-key': key };
    const response = await postQuestion(server, 0, { body, headers, signal: leaving.signal });
    const reply = (await response.json()) as { tracking_id: string };
    if (response.status === 409) return true;
    assert.equal(response.status, 202);
    trackingIds.add(reply.tracking_id);
    return true;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return leaving.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}

test(`requests are repeated under their keys across ${kills} kills (seed ${seed}): each key is one question`, {
  timeout: 120_000,
}, async (context) => {
  const { folder, receiver, start } = await installation(context);
  const random = seededRandom(seed);
  const requests: Keyed[] = [];
  const sender = async (server: ServerProcess) => {
    for (let isThere = true; isThere; ) {
      const n = requests.length;
      const isNew = n < senders || random() < 0.6;
      const fresh = { key: `key ${n}`, body: questionBody(n), trackingIds: new Set<string>() };
      const request = isNew ? fresh : requests[n - 1 - Math.floor(random() * Math.min(n, 20))]!;
      if (isNew) requests.push(request);
      isThere = await postKeyed(server, request, random() < 0.3 ? random() * 5 : undefined);
    }
  };
  for (let round = 0; round < kills; round++) {
    const server = await start();
    const sending = Promise.all(Array.from({ length: senders }, () => sender(server)));
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 300));
    await server.kill();
    await sending;
  }
  const lost = requests.filter(({ trackingIds }) => trackingIds.size === 0).length;
  const server = await start();
  for (const request of requests) await postKeyed(server, request);
  context.diagnostic(`${requests.length} questions accepted, of ${lost} every answer had been lost`);
  for (const { key, trackingIds } of requests) assert.equal(trackingIds.size, 1, key);
  assert.ok(lost > 0, 'answers were lost');
  const accepted = requests.flatMap(({ trackingIds }) => [...trackingIds]);
  assert.equal(new Set(accepted).size, requests.length, 'no two keys are one question');
  await checkAnswered(server, receiver, accepted);
  assert.equal(await server.stop(), 0, server.output());
  const database = new DatabaseSync(join(folder, 'data', 'signalbox.sqlite'));
  context.after(() => database.close());
  const { n } = database.prepare('SELECT count(*) AS n FROM conversations').get() as { n: number };
  assert.equal(n, requests.length, 'no key is two questions');
});
