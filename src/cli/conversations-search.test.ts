import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createTestApp, question } from '../../test/fixtures/app.ts';
import { readConfig } from '../config/config.ts';
import { conversations } from './conversations.ts';
import { runCommand } from './run.ts';

const filler = 'and so on '.repeat(30);

async function open() {
  const app = await createTestApp({
    answer: () => ({
      markdown: '',
      plain: `Closed\nand won ${filler} closed again, won`,
      toolCalls: [],
      understood: true,
    }),
  });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.server.address() as AddressInfo;
  const asked = await app.ask(question({ query: 'Which deals?' }));
  await app.engine.wait(asked.body.tracking_id);
  await app.follower.catchUp();
  return async (...args: string[]) => {
    const told = { out: '', error: '' };
    const code = await runCommand({ conversations: async () => conversations }, ['conversations', ...args], {
      readConfig: () => readConfig({ SIGNALBOX_URL: `http://127.0.0.1:${port}` }),
      ...{ signal: new AbortController().signal, columns: 80, colours: false },
      write(text) {
        told.out += text;
      },
      writeError(text) {
        told.error += text;
      },
    });
    return { ...told, code };
  };
}

test('all words are looked for, with each place on a line of its own', async () => {
  const run = await open();
  const { out } = await run('search', 'closed', 'won');
  const [, asked, first, second, ...rest] = out.split('\n');
  assert.equal(asked, 'Which deals?');
  assert.match(first!, /^ {2}Closed and won and so .* …$/);
  assert.match(second!, /^ {2}… .* closed again, won$/);
  assert.deepEqual(rest, ['']);
  assert.equal((await run('search', 'closed', 'lost')).out, 'Nothing found.\n');
});

test('a date is a time, and what a list is not asked by is refused', async () => {
  const run = await open();
  const today = new Date().toISOString().slice(0, 10);
  assert.match((await run('list', '--from', today)).out, /Which deals\?/);
  assert.match((await run('stats', '--from', '2026-01-01', '--bucket', '31d')).out, /^from +count/);
  assert.equal((await run('list', '--from', 'yesterday')).code, 2);
  const refused = await run('stats', '--source-system', 'crm');
  assert.equal(refused.code, 1);
  assert.match(refused.error, /source_system/);
  assert.equal((await run('show', 'one', 'two')).code, 2);
});
