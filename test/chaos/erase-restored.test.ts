import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Agent } from '../../src/agents/agent.ts';
import { compose } from '../../src/compose/compose.ts';
import { readConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observe/log.ts';
import { takeBackup } from '../../src/sqlite/backup.ts';
import { restoreBackup } from '../../src/sqlite/restore.ts';
import { until } from '../fixtures/until.ts';

const marker = 'Zebulon-Quartermain';
const log = createLog({ level: 'silent', format: 'json', write: () => {} });

async function start(dataDir: string, agent: Agent) {
  const signalbox = await compose(readConfig({ SIGNALBOX_DATA_DIR: dataDir }), log, agent);
  signalbox.recover();
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const headers = { host: 'localhost' };
    return (await signalbox.app.server.inject({ method, url, headers, ...(payload && { payload }) })).json();
  };
  const ask = async (query: string) =>
    (
      await call('POST', '/webhook', {
        ...{ query, source_system: 'crm', source_process: 'p', timestamp: new Date().toISOString() },
      })
    ).tracking_id as string;
  const untilStatus = (trackingId: string, wanted: string) =>
    until(
      async () => (await call('GET', `/conversations/${trackingId}`)).status,
      (status) => status === wanted,
    );
  /** The runs that erase, once they are in that state. */
  const erasing = (wanted: readonly string[]) =>
    until(
      async () => (await call('GET', '/runs?flow=erase')).runs.map((run: { status: string }) => run.status),
      (statuses) => JSON.stringify(statuses.sort()) === JSON.stringify(wanted),
    );
  return { call, ask, untilStatus, erasing, stop: () => signalbox.stop(200) };
}

function folders(context: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-erase-restored-'));
  context.after(() => rmSync(root, { recursive: true }));
  const names = ['data', 'restored', 'before.sqlite', 'after.sqlite'] as const;
  const [dataDir, other, before, after] = names.map((name) => join(root, name));
  mkdirSync(other!);
  return { dataDir: dataDir!, other: other!, before: before!, after: after! };
}

test('a backup made after an erasure has none of it, and one made before does not bring it back', async (context) => {
  const { dataDir, other, before, after } = folders(context);
  let slowly = Promise.withResolvers<void>();
  const agent: Agent = {
    name: 'talker',
    async answer({ question }) {
      if (question.includes('slowly')) await slowly.promise;
      return { markdown: marker, plain: marker, toolCalls: [], understood: true };
    },
  };
  const first = await start(dataDir, agent);
  const [early, kept, slow] = [
    await first.ask(`Who is ${marker}?`),
    await first.ask('Who is it?'),
    await first.ask(`Who is ${marker}, slowly?`),
  ];
  for (const trackingId of [early, kept]) await first.untilStatus(trackingId, 'delivered');
  const backup = { dataDir, signalboxVersion: '0', without: ['warehouse.duckdb'] };
  takeBackup({ ...backup, file: before });
  assert.ok(readFileSync(before).includes(marker));

  slowly.resolve();
  await first.untilStatus(slow, 'delivered');
  await first.call('POST', '/conversations/erase', { subject: marker });
  await first.erasing(['succeeded']);
  await first.call('POST', '/projections/rebuild', { projections: ['search'] });
  await until(
    async () => (await first.call('GET', '/projections')).projections,
    (states) => states.every((one: { rebuilding: unknown }) => one.rebuilding === null),
  );
  takeBackup({ ...backup, file: after });
  assert.ok(!readFileSync(after).includes(marker));
  await first.stop();

  restoreBackup({ file: before, dataDir: other });
  // As the guide says: the objects are copied beside it.
  cpSync(join(dataDir, 'objects'), join(other, 'objects'), { recursive: true });
  slowly = Promise.withResolvers();
  const second = await start(other, agent);
  // All answers have the name, also the one that was complete in the backup and whose question has not.
  await second.erasing(['waiting']);
  const shown = await second.call('GET', `/conversations/${early}`);
  assert.deepEqual([shown.query, shown.ai_response, shown.erased_at !== null], ['', null, true]);
  const run = (await second.call('GET', '/runs?flow=erase')).runs[0];
  assert.deepEqual(run.input.trackingIds.sort(), [early, kept, slow].sort(), 'the slow one is waited for');
  await second.stop();

  const third = await start(other, agent);
  assert.equal((await third.call('GET', '/runs?flow=erase')).runs.length, 1, 'once for a restore');
  const again = await third.call('POST', '/conversations/erase', { again: true, dry_run: true });
  assert.deepEqual([again.erasing, again.next], [[slow], null]);
  await third.stop();
});
