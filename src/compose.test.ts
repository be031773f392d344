import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compose } from './compose.ts';
import { readConfig } from './config.ts';
import { createLog } from './observe/log.ts';

test('a warehouse that cannot be read takes nothing down but its answers', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-compose-'));
  writeFileSync(join(dataDir, 'warehouse.duckdb'), 'this is no database');
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const { app, stop } = await compose(readConfig({ SIGNALBOX_DATA_DIR: dataDir }), log);
  try {
    const get = (url: string) => app.server.inject({ url, headers: { host: 'localhost' } });
    assert.equal((await get('/')).statusCode, 200);
    const health = await get('/health');
    assert.deepEqual([health.statusCode, health.json().status], [200, 'DEGRADED']);
    assert.equal(health.json().parts.warehouse.status, 'DOWN');
  } finally {
    await stop(1_000);
    rmSync(dataDir, { recursive: true });
  }
});
