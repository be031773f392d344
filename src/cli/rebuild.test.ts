import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp } from '../../test/fixtures/app.ts';
import { readConfig } from '../config/config.ts';
import { rebuild } from './rebuild.ts';
import { runCommand } from './run.ts';

test('projections are made anew, which is waited for unless told otherwise', async () => {
  const app = await createTestApp();
  const url = await app.server.listen({ port: 0, host: '127.0.0.1' });
  const run = async (...args: string[]) => {
    const lines = { output: '', errors: '' };
    const code = await runCommand({ rebuild: async () => rebuild }, ['rebuild', ...args, '--url', url], {
      readConfig: () => readConfig({}),
      signal: AbortSignal.timeout(20_000),
      columns: 80,
      colours: false,
      write(text) {
        lines.output += text;
      },
      writeError(text) {
        lines.errors += text;
      },
    });
    return { code, ...lines };
  };
  assert.deepEqual(await run('--no-wait'), { code: 0, output: 'Begun.\n', errors: '' });
  const { code, output, errors } = await run('search', 'statistics');
  assert.deepEqual([code, output], [0, 'Done.\n']);
  assert.match(errors, /^((search|statistics|conversations) \d+ %(, |\n))*$/);
  const unknown = await run('sears');
  assert.deepEqual([unknown.code, unknown.output], [2, '']);
  assert.match(unknown.errors, /"sears" is no projection; there are conversations, search, statistics/);
});
