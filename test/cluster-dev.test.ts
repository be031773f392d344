import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { beginningOf } from '../src/cluster/process-notes.ts';
import { noPostgres, postgresPrograms } from './fixtures/postgres-server.ts';
import { noServer, restateBinary } from './fixtures/restate-server.ts';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'signalbox-cluster-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function tool(args: readonly string[], variables: NodeJS.ProcessEnv = {}): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(join(root, 'bin/signalbox'), args, {
    env: { PATH, HOME, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  after(() => child.kill('SIGKILL'));
  return child;
}

interface Summary {
  readonly url: string;
  readonly logs: string;
  readonly data: { readonly postgres: string };
  readonly pids: Readonly<Record<string, number>>;
  readonly timeToReadyMs: number;
}

async function startDev(): Promise<{ child: ChildProcess; summary: Summary }> {
  const child = tool(['cluster', 'dev', '--folder', folder, '--json']);
  let [text, errors] = ['', ''];
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    text += chunk;
    if (text.endsWith('}\n')) return { child, summary: JSON.parse(text) as Summary };
  }
  throw new Error(`It did not start: ${errors}`);
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const missing =
  (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

test('cluster dev starts all of it, stops all of it, and goes on with its data', {
  timeout: 300_000,
  skip: missing,
}, async (context) => {
  const first = await startDev();
  after(() => rmSync(first.summary.data.postgres, { recursive: true, force: true }));
  context.diagnostic(`ready after ${first.summary.timeToReadyMs} ms`);
  const names = ['restate-1', 'restate-2', 'restate-3', 'worker-1', 'worker-2', 'gateway-1', 'gateway-2'];
  assert.deepEqual(Object.keys(first.summary.pids).sort(), [...names].sort());
  assert.deepEqual(
    readdirSync(first.summary.logs).sort(),
    [...names, 'postgres'].map((name) => `${name}.log`).sort(),
  );
  const asking = tool(['ask', '--url', first.summary.url, '--json', 'How many accounts are there?']);
  let answered = '';
  for await (const chunk of asking.stdout!) answered += chunk;
  const { tracking_id: trackingId } = JSON.parse(answered) as { tracking_id: string };

  const second = tool(['cluster', 'dev', '--folder', folder]);
  assert.deepEqual(await once(second, 'exit'), [1, null], 'one folder, one cluster');

  first.child.kill('SIGINT');
  assert.deepEqual(await once(first.child, 'exit'), [0, null]);
  for (const [name, pid] of Object.entries(first.summary.pids)) assert.equal(isThere(pid), false, name);

  const again = await startDev();
  context.diagnostic(`ready again after ${again.summary.timeToReadyMs} ms`);
  assert.equal(again.summary.url, first.summary.url);
  const kept = (await (await fetch(`${again.summary.url}/webhook/${trackingId}`)).json()) as object;
  assert.ok('ai_response' in kept, JSON.stringify(kept).slice(0, 500));

  again.child.kill('SIGKILL');
  await once(again.child, 'exit');
  const stopping = tool(['cluster', 'stop', '--folder', folder]);
  let stopped = '';
  for await (const chunk of stopping.stdout!) stopped += chunk;
  for (const name of [...names, 'postgres']) assert.match(stopped, new RegExp(`\\b${name}\\b`));
  for (const [name, pid] of Object.entries(again.summary.pids))
    assert.equal(beginningOf(pid), undefined, name);
});

test('cluster dev says at once which variables it can not pass on', async () => {
  const both = { SIGNALBOX_OBJECTS_URL: 's3://bucket', SIGNALBOX_OBJECTS_DIR: folder };
  const child = tool(['cluster', 'dev', '--folder', join(folder, 'other')], both);
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  assert.deepEqual(await once(child, 'close'), [1, null]);
  assert.match(errors, /SIGNALBOX_OBJECTS_URL and SIGNALBOX_OBJECTS_DIR are both set/);
});

test('cluster says what it can not use', async () => {
  for (const args of [['cluster'], ['cluster', 'production'], ['cluster', 'dev', '--port', 'x']]) {
    assert.deepEqual(await once(tool(args), 'exit'), [2, null], args.join(' '));
  }
});
