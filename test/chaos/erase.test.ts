import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Agent } from '../../src/agents/agent.ts';
import { compose } from '../../src/compose/compose.ts';
import { readConfig } from '../../src/config/config.ts';
import { createFolderObjects } from '../../src/objects/folder.ts';
import { createLog } from '../../src/observe/log.ts';
import { until } from '../fixtures/until.ts';
import { type DiesAt, openErasing } from './erase-child.ts';

const marker = 'Zebulon-Quartermain';
const log = createLog({ level: 'silent', format: 'json', write: () => {} });

/** Takes pages of its own. */
const long = `${marker} `.repeat(2_000);

const agent: Agent = {
  name: 'talker',
  answer: async () => ({
    markdown: `**${long}**`,
    plain: long,
    toolCalls: [{ tool: 'lookup', input: { who: marker }, output: { found: marker }, durationMs: 1 }],
    understood: true,
  }),
};

/** The files of a folder that hold the marker. */
function filesWith(folder: string): string[] {
  return globSync('**/*', { cwd: folder }).filter((name) => {
    const path = join(folder, name);
    return statSync(path).isFile() && !name.startsWith('warehouse') && readFileSync(path).includes(marker);
  });
}

const ask = (extra: object = {}) => ({
  ...{
    query: `What about ${marker}?`,
    source_system: 'crm',
    source_process: 'p',
    timestamp: new Date().toISOString(),
  },
  ...extra,
});

describe('erasing', () => {
  let dataDir: string;
  let trackingId: string;

  const start = async () => {
    const signalbox = await compose(
      readConfig({ SIGNALBOX_DATA_DIR: dataDir, ENABLE_CONVERSATION_EXPORT: 'true' }),
      log,
      agent,
    );
    signalbox.recover();
    const call = async (method: 'GET' | 'POST', url: string, payload?: object) =>
      signalbox.app.server.inject({
        method,
        url,
        headers: { host: 'localhost' },
        ...(payload && { payload }),
      });
    return { call, stop: () => signalbox.stop(2_000) };
  };

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'signalbox-erase-'));
    const { call, stop } = await start();
    const asked = await call('POST', '/webhook', ask({ who: { name: marker }, account: marker }));
    trackingId = asked.json().tracking_id;
    const exported = async () =>
      (await call('GET', `/conversations/${trackingId}/export?format=summary`)).statusCode;
    await until(exported, (status) => status === 200);
    const ended = async () => (await call('GET', '/runs?status=running')).json().runs.length;
    await until(ended, (count) => count === 0);
    await stop();
    // A value that was too large for the journal.
    const values = createFolderObjects(join(dataDir, 'objects'));
    await values.put(`values/${trackingId}/0.json`, JSON.stringify(marker));
  });

  after(() => rmSync(dataDir, { recursive: true }));

  /** The worst: a part is done, and nobody has noted it. */
  const points: readonly DiesAt[] = [
    'after note',
    'after values',
    'after runs',
    'after exports',
    'after record',
  ];

  for (const diesAt of points) {
    test(`goes on after a SIGKILL ${diesAt}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-erase-killed-'));
      try {
        for (const name of ['signalbox.sqlite', 'objects'])
          cpSync(join(dataDir, name), join(folder, name), { recursive: true });
        assert.ok(filesWith(folder).length >= 3, 'database, values and exports have it');
        const child = spawn(
          process.execPath,
          [
            '--disable-warning=ExperimentalWarning',
            join(import.meta.dirname, 'erase-child.ts'),
            folder,
            diesAt,
            trackingId,
          ],
          { stdio: 'inherit' },
        );
        assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
        const { engine, store, database } = openErasing(folder);
        const { runs } = await engine.list({ flow: 'erase' });
        const run = await engine.wait(runs[0]!.runId);
        assert.deepEqual(run.output, { erased: [trackingId], skipped: [] });
        const events = await store.events(trackingId);
        assert.equal(events.filter(({ type }) => type === 'WEBHOOK_CONVERSATION_ERASED').length, 1);
        assert.equal((await store.summary(trackingId))?.status, 'delivered');
        assert.deepEqual(
          (await engine.list()).runs.map(({ flow }) => flow),
          ['erase'],
        );
        await engine.stop(0);
        database.close();
        assert.deepEqual(filesWith(folder), []);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test('finds by subject, leaves what is not complete, and nothing of it is in any file, backups included', async () => {
    const { call, stop } = await start();
    const erase = async (body: object) => (await call('POST', '/conversations/erase', body)).json();
    assert.deepEqual((await erase({ subject: 'nobody at all' })).erasing, []);
    const dry = await erase({ subject: marker.toLowerCase(), dry_run: true });
    assert.deepEqual([dry.erasing, dry.run_ids, dry.next], [[trackingId], [], null]);
    assert.ok(filesWith(dataDir).length >= 3, 'nothing was erased');
    const erased = await erase({ subject: marker });
    const run = async () => (await call('GET', `/runs/${erased.run_ids[0]}`)).json();
    await until(run, ({ status }) => status === 'succeeded');
    const found = (await call('GET', `/conversations/${trackingId}`)).json();
    assert.deepEqual(
      [found.query, found.ai_response, found.extra, found.status],
      ['', null, {}, 'delivered'],
    );
    assert.match(found.erased_at, /^20/);
    const file = await call('GET', `/conversations/${trackingId}/export?format=conversation`);
    assert.ok(!file.body.includes(marker));
    const again = await erase({ id: trackingId });
    assert.deepEqual([again.erasing, again.skipped], [[], [{ tracking_id: trackingId, because: 'erased' }]]);
    const refused = await call('POST', '/conversations/erase', { id: trackingId, subject: 'both' });
    assert.deepEqual([refused.statusCode, refused.json().code], [422, 'invalid_request']);
    const { acts } = (await call('GET', '/audit')).json();
    assert.ok(
      acts.every(({ act }: { act: string }) => act === 'conversations.erase'),
      JSON.stringify(acts),
    );
    assert.deepEqual(acts.map(({ detail }: { detail: string | null }) => detail).reverse(), [
      '0 conversations by subject',
      '1 conversation by subject, only looked for',
      '1 conversation by subject',
      '0 conversations by id',
      null,
    ]);
    await stop();
    assert.deepEqual(filesWith(dataDir), []);
  });
});
