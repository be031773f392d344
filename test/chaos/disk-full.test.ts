import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startReceiver } from '../fixtures/receiver.ts';
import { type ServerProcess, startServer } from '../fixtures/server-process.ts';
import { checkAnswered, postQuestion } from './asked.ts';

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

async function fullServer(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-full-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const receiver = await startReceiver({ secret });
  context.after(() => receiver.close());
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const start = async () => {
    const server = await startServer({
      SIGNALBOX_DATA_DIR: folder,
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s,1s,1s,1s,1s,1s,1s,1s',
      SIGNALBOX_RATE_LIMIT: 'off',
      LOG_LEVEL: 'error',
      WEBHOOK_URL: receiver.url,
    });
    context.after(() => server.kill());
    return server;
  };
  const server = await start();
  const asked: Asked = { accepted: [], refused: 0 };
  await ask(server, asked, ({ accepted }) => accepted.length >= 20);
  // The warehouse is there.
  await receiver.waitFor(1);
  limitFiles(server, statSync(join(folder, 'signalbox.sqlite-wal')).size + 200_000);
  await ask(server, asked, ({ refused }) => refused >= 50);
  return { server, start, receiver, asked };
}

test('the disk is full: the server refuses with 503, answers what it has, and goes on by itself when there is room', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const { server, receiver, asked } = await fullServer(context);
  const known = await fetch(`${server.url}/webhook/${asked.accepted[0]}`);
  assert.equal(known.status, 200, 'what is there can be read');
  const health = (await (await fetch(`${server.url}/health`)).json()) as { status: string };
  assert.notEqual(health.status, 'HEALTHY');
  limitFiles(server, 'unlimited');
  const before = asked.accepted.length;
  await ask(server, asked, ({ accepted }) => accepted.length >= before + 20);
  context.diagnostic(`${asked.accepted.length} accepted, ${asked.refused} refused`);
  await checkAnswered(server, receiver, asked.accepted);
  const delivered = new Set(receiver.received.map(({ body }) => JSON.parse(body).tracking_id as string));
  assert.deepEqual([...delivered].sort(), [...asked.accepted].sort(), 'what was refused is not answered');
  assert.equal(await server.stop(), 0, server.output());
});

test('the disk is full and the server is killed: the next one, with room, has all that was accepted', {
  skip,
  timeout: 120_000,
}, async (context) => {
  const { server, start, receiver, asked } = await fullServer(context);
  await server.kill();
  const next = await start();
  await checkAnswered(next, receiver, asked.accepted);
});
