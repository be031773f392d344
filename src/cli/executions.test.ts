import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { createTestApp } from '../../test/fixtures/app.ts';
import { readConfig } from '../config/config.ts';
import { defineFlow } from '../engine/flow.ts';
import type { Command } from './command.ts';
import { executions } from './executions.ts';
import { runCommand } from './run.ts';
import { trigger } from './trigger.ts';

const commands: Record<string, () => Promise<Command>> = {
  trigger: async () => trigger,
  executions: async () => executions,
};

const waits = defineFlow({
  name: 'waits',
  version: 1,
  input: Type.Object({}),
  output: Type.Unknown(),
  run: async (step) => (await step.waitForSignal('go')).payload,
});

test('an execution is triggered, listed, shown, signalled, cancelled and retried', async () => {
  const app = await createTestApp({ offeredFlows: [waits] });
  const url = await app.server.listen({ port: 0, host: '127.0.0.1' });
  const run = async (...args: string[]) => {
    const lines = { output: [] as string[], errors: [] as string[] };
    const code = await runCommand(commands, [...args, '--url', url], {
      readConfig: () => readConfig({}),
      signal: new AbortController().signal,
      columns: 200,
      colours: false,
      write: (text) => void lines.output.push(text),
      writeError: (text) => void lines.errors.push(text),
    });
    return { code, output: lines.output.join(''), errors: lines.errors.join('') };
  };
  assert.deepEqual(await run('trigger', 'waits', '--id', 'a', '--name', 'first'), {
    ...{ code: 0, output: 'a\n', errors: '' },
  });
  assert.equal((await run('trigger', 'waits', '--id', 'a')).output, 'a\n');
  const broken = await run('trigger', 'waits', '--input', '{');
  assert.deepEqual([broken.code, /--input: what was given is not JSON/.test(broken.errors)], [2, true]);
  const refused = await run('trigger', 'wait');
  assert.deepEqual([refused.code, /Did you mean waits\?/.test(refused.errors)], [1, true]);
  assert.match((await run('executions', 'list')).output, /a +waits +\w+ +[-\d]+ [:\d]+ +terminal +first/);
  const sent = await run('executions', 'signal', 'a', 'go', '--payload', '{"ok":true}', '--key', 'k');
  assert.match(sent.output, /^(kept|delivered)\n$/);
  const { run_id: runId } = JSON.parse((await run('executions', 'show', 'a', '--json')).output);
  await app.engine.wait(runId);
  assert.equal((await run('executions', 'signal', 'a', 'go', '--key', 'k')).output, 'duplicate\n');
  assert.match((await run('executions', 'show', 'a')).output, /output \{"ok":true\}/);
  await run('trigger', 'waits', '--id', 'b');
  await run('executions', 'cancel', 'b');
  await app.engine.wait(JSON.parse((await run('executions', 'show', 'b', '--json')).output).run_id);
  assert.match((await run('executions', 'cancel', 'b')).output, /^b is cancelled/);
  assert.match((await run('executions', 'retry', 'b')).output, /^[0-9a-f-]{36} is queued/);
});
