import assert from 'node:assert/strict';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { createTestApp, question } from '../../test/fixtures/app.ts';
import { readConfig } from '../config/config.ts';
import { uuidv7 } from '../core/ids.ts';
import { exportCommand } from './export.ts';
import { totalOf } from './export-total.ts';
import { lineOf } from './progress.ts';
import { runCommand } from './run.ts';

const range = ['--from', '2026-01-01', '--to', '2100-01-01T00:00:00+01:00'];

async function open(context: TestContext, conversations: number, answered?: Promise<void>) {
  const app = await createTestApp({
    answer: async (asked) => {
      if (asked === 'later') await answered;
      return { markdown: asked, plain: asked, toolCalls: [], understood: true };
    },
  });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-export-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const ids: string[] = [];
  for (let n = 0; n < conversations; n++)
    ids.push((await app.ask(question({ query: `${n}?` }))).body.tracking_id);
  const run = async (...args: string[]) => {
    const told = { out: '', error: '' };
    const code = await runCommand({ export: async () => exportCommand }, ['export', ...args], {
      readConfig: () => readConfig({ SIGNALBOX_URL: `http://127.0.0.1:${port}` }),
      ...{ signal: new AbortController().signal, columns: 80, colours: true, canOverwrite: true },
      write(text) {
        told.out += text;
      },
      writeError(text) {
        told.error += text;
      },
    });
    return { ...told, code };
  };
  for (const id of ids) await app.engine.wait(id);
  return { app, folder, ids, run };
}

test('conversations of a time are written below a folder, byte for byte as the server says', async (context) => {
  const { app, folder, ids, run } = await open(context, 3);
  const exported = await run(...range, '--format', 'all', '--out', folder);
  assert.deepEqual([exported.code, exported.out], [0, `3 conversations exported into ${folder}\n`]);
  const files = globSync('conversation-history/*/*/*/*/*.json', { cwd: folder });
  assert.equal(files.length, 12);
  assert.equal(globSync('**/*.partial', { cwd: folder }).length, 0);
  const { body } = await app.server.inject({
    url: `/conversations/${ids[0]}/export?format=summary`,
    headers: { host: 'localhost' },
  });
  const { conversation_id: conversationId } = JSON.parse(body);
  const file = files.find((path) => path.endsWith(`${conversationId}/summary.json`))!;
  assert.equal(readFileSync(join(folder, file), 'utf8'), body);
  const none = await run('--from', '2026-01-01', '--to', '2026-01-02', '--format', 'all', '--out', folder);
  assert.match(none.out, /^0 conversations/);
});

test('what is redacted is in none of the files, nor in what is asked for', async (context) => {
  const { app, folder, run } = await open(context, 0);
  const secret = `ghp_${'Ab1'.repeat(12)}`;
  const asked = await app.ask(
    question({ query: `anna@example.com ${secret}`, ssn: 'on-record', nested: { ssn: 12345 } }),
  );
  const { tracking_id: trackingId } = asked.body;
  await app.engine.wait(trackingId);
  const path = join(folder, 'all.parquet');
  await run(...range, '--format', 'all', '--out', folder);
  await run(...range, '--format', 'parquet', '--out', path);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const found = await connection.runAndReadAll(`SELECT query FROM '${path}'`);
  assert.deepEqual(found.getRowsJson(), [['[redacted] [redacted]']]);
  const files = globSync('conversation-history/**/*.json', { cwd: folder });
  const bodies = files.map((file) => readFileSync(join(folder, file), 'utf8')).join();
  assert.doesNotMatch(bodies, /anna|ghp_|on-record|12345/);
  assert.match(bodies, /"content": "\[redacted\] \[redacted\]"/);
  const record = await app.server.inject({ url: `/webhook/${trackingId}`, headers: { host: 'localhost' } });
  assert.match(record.body, /anna.*12345/, 'the record itself stays whole');
});

test('the analysis form of all is one Parquet file', async (context) => {
  const { folder, run } = await open(context, 3);
  const path = join(folder, 'all.parquet');
  assert.equal((await run(...range, '--format', 'parquet', '--out', path)).code, 0);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const found = await connection.runAndReadAll(`SELECT query FROM '${path}' ORDER BY query`);
  assert.deepEqual(found.getRowsJson().flat(), ['0?', '1?', '2?']);
});

test('without a folder the server exports, in runs, again with the same bytes', async (context) => {
  const { app, ids, run } = await open(context, 2);
  const started = await run(...range);
  assert.match(started.out, /^2 conversations will be exported by the server/);
  const { runs } = await app.engine.list({ flow: 'export' });
  for (const { runId } of runs) assert.equal((await app.engine.wait(runId)).status, 'succeeded');
  const keys = await app.objects.list('conversation-history/');
  assert.equal(keys.length, 8);
  const bodies = async () => Promise.all(keys.map(async (key) => String(await app.objects.get(key))));
  const before = await bodies();
  const headers = { host: 'localhost' };
  const again = await app.server.inject({ method: 'POST', url: `/conversations/${ids[0]}/export`, headers });
  assert.equal(again.statusCode, 202);
  assert.equal((await app.engine.wait(again.json().run_id)).status, 'succeeded');
  assert.deepEqual(await bodies(), before);
  const unknown = await app.server.inject({
    method: 'POST',
    url: `/conversations/${uuidv7()}/export`,
    headers,
  });
  assert.equal(unknown.statusCode, 404);
});

test('what was erased is exported no more, and said', async (context) => {
  const { app, folder, ids, run } = await open(context, 3);
  await app.store.erase(ids[1]!, { runId: 'run', by: 'me', at: 1 });
  for (const out of [[], ['--format', 'parquet', '--out', join(folder, 'a.parquet')]]) {
    const { code, out: told, error } = await run(...range, ...out);
    assert.equal(code, 0);
    assert.match(told, /^2 conversations/);
    assert.match(error, /1 erased, left out\n$/);
  }
  const headers = { host: 'localhost' };
  const refused = await app.server.inject({
    method: 'POST',
    url: `/conversations/${ids[1]}/export`,
    headers,
  });
  assert.deepEqual([refused.statusCode, refused.json().code], [409, 'conflict']);
});

test('what cannot be meant is said, and nothing is left behind', async (context) => {
  const { folder, run } = await open(context, 1);
  const refused = async (message: RegExp, ...args: string[]) => {
    const { code, error } = await run(...args);
    assert.equal(code, 2);
    assert.match(error, message);
  };
  await refused(/--from is missing/, '--to', '2026-01-01');
  await refused(/--to is "soon"/, '--from', '2026-01-01', '--to', 'soon');
  await refused(/not before --to/, '--from', '2026-01-02', '--to', '2026-01-01');
  await refused(/--format needs --out/, ...range, '--format', 'summary');
  await refused(/--format is "xml"/, ...range, '--format', 'xml', '--out', folder);
  await refused(/a folder; the name of one/, ...range, '--format', 'parquet', '--out', folder);
  const path = join(folder, 'no', 'such.parquet');
  assert.notEqual((await run(...range, '--format', 'parquet', '--out', path)).code, 0);
  assert.equal(existsSync(join(folder, 'no')), false);
});

test('what has not ended is left out and said, and a terminal is shown how far it is', async (context) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { app, folder, run } = await open(context, 2, promise);
  await app.ask(question({ query: 'later' }));
  const told = await run(...range, '--format', 'summary', '--out', folder);
  assert.match(told.out, /^2 conversations exported/);
  const shown = (text: string) => text.split('\r\x1b[2K').slice(1);
  assert.match(shown(told.error)[0]!, / [123] of 3$/);
  assert.equal(shown(told.error).at(-1), '1 not complete yet, left out\n');
  const json = JSON.parse((await run(...range, '--format', 'summary', '--out', folder, '--json')).out);
  assert.deepEqual(json, { success: true, exported: 2, not_complete: 1, erased: 0, out: folder });
  writeFileSync(join(folder, 'a-file'), '');
  // The line of the terminal is given back before the reason is told.
  const failed = await run(...range, '--format', 'summary', '--out', join(folder, 'a-file'));
  assert.match(shown(failed.error).at(-1)!, /^What is exported could not be written/);
  resolve();
});

test('how far it is is one line', () => {
  const exact = (count: number) => ({ count, exact: true });
  assert.equal(lineOf(0, exact(10)), `${'░'.repeat(30)} 0 %  0 of 10`);
  assert.equal(lineOf(5_000, exact(10_000)), `${'█'.repeat(15)}${'░'.repeat(15)} 50 %  5,000 of 10,000`);
  assert.equal(
    lineOf(5_000, { count: 20_000, exact: false }),
    `${'█'.repeat(7)}${'░'.repeat(23)} 25 %  5,000 of about 20,000`,
  );
  assert.equal(lineOf(12, exact(10)), '12');
});

test('more than the server counts is about as many as its statistics say', async () => {
  const asked: string[] = [];
  const client = {
    async call(_method: string, path: string) {
      asked.push(path);
      if (path.startsWith('/conversations/stats')) return { buckets: [{ count: 30_000 }, { count: 12_000 }] };
      return { total: { count: 10_000, exact: false } };
    },
  };
  const range = { from: '2000-01-01T00:00:00.000Z', to: '2100-01-01T00:00:00.000Z' };
  const total = await totalOf(client, range, Date.parse('2026-11-21T00:00:00Z'));
  assert.deepEqual(total, { count: 42_000, exact: false });
  const { from, to } = Object.fromEntries(new URLSearchParams(asked[1]!.split('?')[1]));
  assert.ok(Date.parse(to!) - Date.parse(from!) < 10_000 * 86_400_000, 'no more than the server sums up');
});
