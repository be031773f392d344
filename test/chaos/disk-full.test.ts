import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Receiver, startReceiver } from '../fixtures/receiver.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion } from './asked.ts';
import { canMount, fillDisk, readOnlyDisk, smallDisk } from './small-disk.ts';

/**
 * The disk of a running server is full: no file of it may grow beyond a limit that the system sets for the process (RLIMIT_FSIZE),
 * which takes no privileges and can be taken back while it runs. A write beyond it fails, in the middle when it is large enough.
 */
function limitFiles(server: ServerProcess, sizeBytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', [
    ...['--pid', String(server.process.pid), `--fsize=${sizeBytes}:`],
  ]);
  assert.equal(status, 0, String(stderr));
}

const skip = spawnSync('prlimit', ['--version']).status !== 0 && 'there is no prlimit (util-linux) here';

interface Asked {
  readonly accepted: string[];
  /** Answers with 503. */
  refused: number;
}

/** Asks from several senders until `enough`; each answer is 202, or 503 as a problem that says what is wrong. */
async function ask(server: ServerProcess, asked: Asked, enough: (asked: Asked) => boolean): Promise<void> {
  const sender = async () => {
    while (!enough(asked)) {
      const response = await postQuestion(server, asked.accepted.length);
      const body = (await response.json()) as { tracking_id: string; code: string; detail: string };
      if (response.status === 202) asked.accepted.push(body.tracking_id);
      else {
        assert.deepEqual([response.status, body.code], [503, 'storage_failed'], JSON.stringify(body));
        assert.match(body.detail, /free space/);
        asked.refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, sender));
}

interface Asking {
  readonly server: ServerProcess;
  readonly receiver: Receiver;
  readonly asked: Asked;
  readonly folder: string;
  start(more?: Record<string, string>): Promise<ServerProcess>;
}

/** A server that has been asked some questions. */
async function askedServer(
  context: TestContext,
  within: (folder: string) => readonly string[] = () => [],
  variablesOf: (folder: string) => Record<string, string> = () => ({}),
): Promise<Asking> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-full-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  const servers: ServerProcess[] = [];
  context.after(async () => {
    for (const server of servers) await server.kill();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async (more: Record<string, string> = {}) => {
    const variables = {
      ...more,
      SIGNALBOX_DATA_DIR: folder,
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
      SIGNALBOX_RATE_LIMIT: 'off',
      LOG_LEVEL: 'error',
      WEBHOOK_URL: receiver.url,
    };
    const server = await startServer(variables, within(folder));
    servers.push(server);
    return server;
  };
  const server = await start(variablesOf(folder));
  const asked: Asked = { accepted: [], refused: 0 };
  await ask(server, asked, ({ accepted }) => accepted.length >= 20);
  // The warehouse is there.
  await receiver.waitFor(1);
  return { server, receiver, asked, folder, start };
}

/** Lets no file of the server grow by much, and asks until it refuses. */
async function fullServer(context: TestContext): Promise<Asking> {
  const asking = await askedServer(context);
  const { server, asked, folder } = asking;
  limitFiles(server, statSync(join(folder, 'signalbox.sqlite-wal')).size + 200_000);
  await ask(server, asked, ({ refused }) => refused >= 50);
  return asking;
}

/** While the disk is full what is there can be read, and the health says so. */
async function checkReading(server: ServerProcess, asked: Asked): Promise<void> {
  const known = await fetch(`${server.url}/webhook/${asked.accepted[0]}`);
  assert.equal(known.status, 200, 'what is there can be read');
  const health = (await (await fetch(`${server.url}/health`)).json()) as { status: string };
  assert.notEqual(health.status, 'HEALTHY');
}

/** There is room again: without a restart more is accepted, all of it is answered, and what was refused is not. */
async function checkGoesOn(context: TestContext, { server, receiver, asked }: Asking): Promise<void> {
  const before = asked.accepted.length;
  await ask(server, asked, ({ accepted }) => accepted.length >= before + 20);
  context.diagnostic(`${asked.accepted.length} questions accepted, ${asked.refused} refused`);
  await checkAnswered(server, receiver, asked.accepted);
  const delivered = new Set(receiver.received.map(({ body }) => JSON.parse(body).tracking_id as string));
  assert.deepEqual([...delivered].sort(), [...asked.accepted].sort(), 'what was refused is not answered');
  assert.equal(await server.stop(), 0, server.output());
}

test('no file may grow: the server refuses with 503, answers what it has, and goes on by itself when there is room', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const asking = await fullServer(context);
  await checkReading(asking.server, asking.asked);
  limitFiles(asking.server, 'unlimited');
  await checkGoesOn(context, asking);
});

test('no file may grow and the server is killed: the next one, with room, has all that was accepted', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const { server, start, receiver, asked } = await fullServer(context);
  await server.kill();
  const next = await start();
  await checkAnswered(next, receiver, asked.accepted);
});

const cannotMount = 'this machine does not let us mount a file system of our own (unshare, Linux)';
const small = (folder: string) => smallDisk(folder, 64 * 1_048_576);

test('not a byte is left on the disk: the server refuses with 503, and goes on by itself when there is room', {
  skip: !canMount(small(tmpdir())) && cannotMount,
  timeout: 120_000,
}, async (context) => {
  const asking = await askedServer(context, small);
  const { server, asked, folder } = asking;
  const emptyDisk = fillDisk(server, folder);
  await ask(server, asked, ({ refused }) => refused >= 50);
  await checkReading(server, asked);
  emptyDisk();
  await checkGoesOn(context, asking);
});

test('the disk does not confirm a write: nothing more is accepted, the server ends and says why, and the next one has all that was accepted', {
  timeout: 120_000,
}, async (context) => {
  const variables = (folder: string) => ({
    NODE_OPTIONS: `--import ${new URL('failing-disk.ts', import.meta.url)}`,
    DISK_FAILS: join(folder, 'disk-fails'),
  });
  const { server, start, receiver, asked, folder } = await askedServer(context, undefined, variables);
  writeFileSync(join(folder, 'disk-fails'), '');
  const exited = once(server.process, 'exit');
  // It may be gone before it has answered.
  const refused = await postQuestion(server, 0).catch(() => ({ status: 503 }));
  assert.equal(refused.status, 503);
  assert.deepEqual(await exited, [1, null]);
  assert.match(server.output(), /the disk did not confirm it: EIO.*start again/);
  const next = await start();
  await ask(next, asked, ({ accepted }) => accepted.length >= 25);
  await checkAnswered(next, receiver, asked.accepted);
});

test('a folder that cannot be written is refused at the start, in one line, and left as it is', {
  skip: process.getuid?.() === 0 && !canMount(readOnlyDisk(tmpdir())) && cannotMount,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-read-only-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) chmodSync(folder, 0o500);
  const starting = startServer({ SIGNALBOX_DATA_DIR: folder }, isRoot ? readOnlyDisk(folder) : []);
  await assert.rejects(
    starting,
    /ended with 1:\nSignalbox could not start\. SIGNALBOX_DATA_DIR is .*cannot be used: (EROFS|EACCES).*\n$/,
  );
  assert.deepEqual(readdirSync(folder), []);
});
