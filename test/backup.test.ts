import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { Database } from '../src/sqlite/database.ts';
import { type ServerProcess, startServer } from './fixtures/server-process.ts';

const root = join(import.meta.dirname, '..');

async function tool(dataDir: string, ...args: string[]): Promise<{ code: number; text: string }> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, SIGNALBOX_DATA_DIR: dataDir };
  const child = spawn(join(root, 'bin/signalbox'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk));
  const [code] = await once(child, 'close');
  return { code: code as number, text };
}

/** Asks one question after the other until it is told to stop; notes what was accepted. */
async function ask(server: ServerProcess, accepted: string[], stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const names = { source_system: 'backup', source_process: 'test' };
    const response = await fetch(`${server.url}/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'How many accounts are there?',
        ...names,
        timestamp: new Date().toISOString(),
      }),
    });
    assert.equal(response.status, 202);
    accepted.push(((await response.json()) as { tracking_id: string }).tracking_id);
  }
}

const statusOf = async (server: ServerProcess, trackingId: string): Promise<string> => {
  // The stream ends when the conversation is complete.
  await (await fetch(`${server.url}/webhook/${trackingId}/events`)).text();
  const response = await fetch(`${server.url}/webhook/${trackingId}`);
  return ((await response.json()) as { status: string }).status;
};

test('a backup under load is restored elsewhere: all that was accepted before it is there and finishes', {
  timeout: 120_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-backup-process-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [dataDir, otherDir, file] = ['data', 'other', 'backup.sqlite'].map((name) => join(folder, name));
  const variables = { SIGNALBOX_RATE_LIMIT: 'off' };
  const server = await startServer({ ...variables, SIGNALBOX_DATA_DIR: dataDir! });
  context.after(() => server.kill());
  const accepted: string[] = [];
  const stop = new AbortController();
  const senders = Array.from({ length: 8 }, () => ask(server, accepted, stop.signal));
  while (accepted.length < 100) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = [...accepted];
  const backup = await tool(dataDir!, 'backup', file!, '--json');
  assert.equal(backup.code, 0, backup.text);
  assert.ok(JSON.parse(backup.text).conversations >= before.length);
  const check = await tool(dataDir!, 'check', '--json');
  assert.deepEqual(JSON.parse(check.text).problems, []);
  const intoRunning = await tool(dataDir!, 'restore', file!, '--replace');
  assert.deepEqual(
    [intoRunning.code, /is used by another/.test(intoRunning.text)],
    [1, true],
    intoRunning.text,
  );
  assert.equal((await tool(dataDir!, 'compact')).code, 1);
  stop.abort();
  await Promise.all(senders);
  await server.kill();
  const restored = await tool(otherDir!, 'restore', file!);
  assert.equal(restored.code, 0, restored.text);
  const again = await startServer({ ...variables, SIGNALBOX_DATA_DIR: otherDir! });
  context.after(() => again.kill());
  for (const trackingId of before) assert.equal(await statusOf(again, trackingId), 'delivered');
});

test('a database that is not whole ends check with 1 and what to do', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-check-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const { code, text } = await tool(folder, 'check');
  assert.deepEqual([code, /There is no .*signalbox\.sqlite/.test(text)], [1, true], text);
  const path = join(folder, 'signalbox.sqlite');
  new Database(path).close();
  const connection = new DatabaseSync(path);
  connection.exec(
    `INSERT INTO runs (id, run_id, flow, version, status, input, created_at) VALUES (1, 'r', 'f', 1, 'waiting', '{}', 1)`,
  );
  connection.close();
  const damaged = await tool(folder, 'check');
  assert.equal(damaged.code, 1);
  assert.match(damaged.text, /a run waits for nothing: r\nWhat to do: /);
});
