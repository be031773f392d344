import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../config/config.ts';
import { UsageError } from './command.ts';
import { profile } from './profile.ts';

test('a profile goes into a file or a folder, and is not taken where it could not be written', async (context) => {
  let taken = 0;
  const server = createServer((_, response) => {
    taken++;
    const sizes = { used_bytes: 1, limit_bytes: 2, external_bytes: 3, resident_bytes: 4 };
    const body = { success: true, seconds: 1, cpu_profile: {}, heap: { ...sizes, taken_by: [] } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  context.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const write = () => {};
  const run = (out: string) =>
    profile.run(['--seconds', '1', '--url', url, '--out', out], {
      ...{ readConfig: () => readConfig({}), signal: new AbortController().signal },
      ...{ colours: false, columns: 200, write, writeError: write },
    });
  assert.equal(await run(join(folder, 'a.cpuprofile')), 0);
  assert.equal(await run(folder), 0);
  const [first, second] = readdirSync(folder).sort();
  assert.equal(first, 'a.cpuprofile');
  assert.match(String(second), /^signalbox-.*\.cpuprofile$/);
  await assert.rejects(run(join(folder, 'missing', 'a')), UsageError);
  assert.equal(taken, 2);
});
