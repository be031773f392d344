import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../config/config.ts';
import { createLog } from '../observe/log.ts';
import { compose } from './compose.ts';

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

test('sources of a file are taken at the start, and one that starts nothing stops it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-compose-'));
  const file = join(dataDir, 'sources.json');
  writeFileSync(join(dataDir, 'secret'), 'user:hush\n');
  const source = {
    scheme: 'basic',
    secrets: [{ file: join(dataDir, 'secret') }],
    starts: { flow: 'query' },
    options: { input: { query: 'What is new at {payload.account}?' } },
  };
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const open = (sources: object) => {
    writeFileSync(file, JSON.stringify(sources));
    return compose(readConfig({ SIGNALBOX_DATA_DIR: join(dataDir, 'data'), SIGNALBOX_SOURCES: file }), log);
  };
  try {
    const missing = { ...source, options: {} };
    await assert.rejects(open({ crm: missing }), { code: 'config_invalid', message: /crm: .*query/ });
    await assert.rejects(open({ crm: { ...source, starts: { flow: 'qery' } } }), /Did you mean query\?/);
    const { app, stop } = await open({ crm: source });
    const headers = { authorization: `Basic ${btoa('user:hush')}`, 'content-type': 'application/json' };
    const sent = await app.server.inject({ method: 'POST', url: '/webhooks/crm', headers, payload: '{}' });
    assert.equal(sent.statusCode, 202);
    const local = { host: 'localhost' };
    const put = await app.server.inject({
      method: 'PUT',
      url: '/sources/crm',
      headers: local,
      payload: {
        ...source,
        secrets: ['user:other'],
      },
    });
    assert.deepEqual([put.statusCode, put.json().code], [409, 'conflict']);
    const shown = await app.server.inject({ url: '/sources', headers: local });
    assert.equal(shown.json().sources[0].origin, 'file');
    assert.doesNotMatch(shown.body, /hush/);
    await stop(1_000);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
