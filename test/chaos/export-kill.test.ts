import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { exportFiles, exportPrefix } from '../../src/record/exports/forms.ts';
import { aLife } from '../../src/store/contract/life.ts';
import { startS3Server } from '../fixtures/s3-server.ts';
import { until } from '../fixtures/until.ts';
import { openExports } from './export-child.ts';

const child = join(import.meta.dirname, 'export-child.ts');
/** How often exports into a folder are killed at some moment; `EXPORT_KILLS=100` for a long run. */
const kills = Number(process.env.EXPORT_KILLS ?? 2);

/** A record of conversations that were never exported, whose files are large enough to be killed in the middle of. */
async function prepared(context: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-exports-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const { store, database } = openExports(folder, undefined);
  for (let n = 0; n < 6; n++) {
    const query = `Number ${n}`;
    const answer = `${n} `.repeat(100_000);
    await store.append(aLife({ query, answer, conversationId: `webhook_20260814_091833_a_b_${n}` }).facts);
  }
  database.close();
  return folder;
}

/** Exports in a process of its own, which is killed when `moment` resolves; resolves with what it leaves. */
async function killed(folder: string, endpoint: string, moment: () => Promise<unknown>): Promise<void> {
  const args = ['--disable-warning=ExperimentalWarning', child, folder, endpoint];
  const exporting = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(exporting, 'exit');
  await once(exporting.stdout, 'data');
  await moment();
  exporting.kill('SIGKILL');
  assert.deepEqual(await exited, [null, 'SIGKILL']);
}

/** Lets the exports end, and compares what there is with what the record says, byte for byte. */
async function finished(folder: string, endpoint?: string): Promise<void> {
  const { engine, store, objects, database } = openExports(folder, endpoint);
  engine.recover();
  const { runs } = await engine.list({ flow: 'export', limit: 100 });
  assert.equal(runs.length, 6);
  for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
  const { conversations } = await store.conversations();
  const expected = new Map<string, string>();
  for (const { trackingId } of conversations) {
    const conversation = (await store.conversation(trackingId))!;
    const events = await store.events(trackingId);
    for (const { name, body } of exportFiles(conversation, events)) {
      expected.set(`${exportPrefix(conversation)}/${name}`, body);
    }
    const told = events.filter(({ type }) => type === 'WEBHOOK_CONVERSATION_EXPORTED');
    assert.equal(told.length, 1, 'it is on the record, once');
  }
  assert.deepEqual(await objects.list(''), [...expected.keys()].sort());
  for (const [key, body] of expected) assert.equal(String(await objects.get(key)), body, key);
  await engine.stop(0);
  database.close();
}

test('exports into a folder are killed at any moment: each file is whole, and in the end all are what the record says', async (context) => {
  const before = await prepared(context);
  let [cutOff, left] = [0, 0];
  for (let kill = 0; kill < kills; kill++) {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-exports-killed-'));
    try {
      cpSync(before, folder, { recursive: true });
      // Moments all over what one export after the other takes.
      await killed(folder, '', () => pause(((kill * 37) % 60) + Math.random() * 5));
      const files = globSync('objects/conversation-history/**/*', { cwd: folder }).filter((name) =>
        name.endsWith('.json'),
      );
      for (const name of files) JSON.parse(readFileSync(join(folder, name), 'utf8'));
      if (files.length < 24) cutOff++;
      left += globSync('objects/.~writing/*', { cwd: folder }).length;
      await finished(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  assert.ok(cutOff > 0, 'every one had ended before it was killed');
  context.diagnostic(`${cutOff} of ${kills} were cut off, ${left} files were half written`);
});

test('exports into a bucket are killed while it has not answered: what is there is whole, and in the end all of it', async (context) => {
  const server = await startS3Server();
  context.after(() => server.close());
  const folder = await prepared(context);
  // Taken and not answered, and not answered at all: both times the process dies in between.
  for (const fault of ['lost', 'silence'] as const) {
    server.fail(/^PUT .*metadata\.json/, fault, fault);
    const asked = server.requests.length;
    const isUnderWay = () => server.requests.slice(asked).some((line) => /^PUT .*metadata\.json/.test(line));
    await killed(folder, server.endpoint, () => until(isUnderWay, (is) => is));
    for (const [key, { body }] of server.objects) assert.doesNotThrow(() => JSON.parse(String(body)), key);
  }
  await finished(folder, server.endpoint);
  assert.equal(server.uploads.size, 0);
});
