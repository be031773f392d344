import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readConfig } from '../config/config.ts';
import { health } from './health.ts';

test('health says how each part is, and ends with 1 unless all is well', async (context) => {
  let status = 'HEALTHY';
  const server = createServer((_, response) => {
    const detail = 'no room \u001b[31m';
    const body = { success: status !== 'DOWN', status, parts: { storage: { status, detail } } };
    response.writeHead(status === 'DOWN' ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = async (args: readonly string[] = []) => {
    let text = '';
    const write = (part: string) => {
      text += part;
    };
    const code = await health.run(['--url', url, ...args], {
      ...{ readConfig: () => readConfig({}), signal: new AbortController().signal },
      ...{ colours: false, columns: 200, write, writeError: write },
    });
    return { code, text };
  };
  assert.equal((await run()).code, 0);
  status = 'DEGRADED';
  assert.equal((await run()).code, 1);
  status = 'DOWN';
  const { code, text } = await run();
  assert.equal(code, 1);
  assert.match(text, /^DOWN\n\npart +status +what was seen\nstorage +DOWN +no room/);
  assert.ok(!text.includes('\u001b'), 'nothing that a terminal obeys');
  assert.equal(JSON.parse((await run(['--json'])).text).parts.storage.status, 'DOWN');
});
