import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Agent } from '../agents/agent.ts';
import { readConfig } from '../config/config.ts';
import { createLog } from '../observe/log.ts';
import { compose } from './compose.ts';

const agent: Agent = {
  name: 'brief',
  async answer({ question }) {
    if (question === 'slow') await pause(1_500);
    return { markdown: 'a', plain: 'a', toolCalls: [], understood: true };
  },
};

test('a step that is slower than its kind is marked in the timeline, with its run, and in the log', async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-slow-'));
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
  const signalbox = await compose(readConfig({ SIGNALBOX_DATA_DIR: dataDir }), log, agent);
  signalbox.recover();
  context.after(async () => {
    await signalbox.stop(1_000);
    rmSync(dataDir, { recursive: true });
  });
  const get = async (url: string) =>
    (await signalbox.app.server.inject({ url, headers: { host: 'localhost' } })).json();
  const ask = async (query: string): Promise<string> => {
    const payload = { query, source_system: 's', source_process: 'p', timestamp: new Date().toISOString() };
    const request = { method: 'POST', url: '/webhook', headers: { host: 'localhost' }, payload } as const;
    const { tracking_id: id } = (await signalbox.app.server.inject(request)).json();
    while (!(await get(`/webhook/${id}`)).complete) await pause(5);
    return id;
  };
  // The first one waits for the workspace.
  await ask('quick');
  for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 25 }, () => ask('quick')));
  const id = await ask('slow');
  const { timeline } = await get(`/conversations/${id}/timeline`);
  const steps = timeline.filter(({ kind }: { kind: string }) => kind === 'step');
  const marked = (name: string) => steps.find((step: { name: string }) => step.name === name).detail;
  assert.equal(marked('manager agent').slow, true, JSON.stringify(steps));
  assert.ok(marked('manager agent').p99_ms < 1_500);
  const { history } = await get(`/runs/${id}`);
  assert.equal(history.find(({ name }: { name: string }) => name === 'manager agent').slow, true);
  const [line] = lines
    .map((text) => JSON.parse(text))
    .filter(({ message, step }) => message === 'Slow step' && step === 'manager agent');
  assert.deepEqual([line.flow, line.run_id, line.duration_ms >= 1_400], ['query', id, true]);
});
