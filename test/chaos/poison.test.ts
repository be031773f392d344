import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Run } from '../../src/engine/engine.ts';

const child = join(import.meta.dirname, 'poison-child.ts');

interface Life {
  readonly died: boolean;
  readonly runs: readonly Run[];
}

function live(folder: string, life: number, mended = false): Life {
  const args = ['--disable-warning=ExperimentalWarning', child, folder, String(life)];
  const { status, stdout } = spawnSync(process.execPath, [...args, ...(mended ? ['mended'] : [])], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return status === 0 ? { died: false, runs: JSON.parse(stdout) } : { died: true, runs: [] };
}

test('runs that end the process are parked after three deaths each, the others end, and a mended one goes on', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-poison-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  let life = 1;
  let last = live(folder, life);
  while (last.died && life < 10) {
    life += 1;
    last = live(folder, life);
  }
  assert.ok(!last.died, `a process still died in life ${life}`);
  assert.ok(life > 3, `parked after ${life - 1} deaths`);
  const of = (flow: string) => last.runs.filter((run) => run.flow === flow);
  for (const run of of('innocent')) assert.equal(run.status, 'succeeded');
  assert.equal(of('innocent').length, 20);
  for (const run of of('poison')) {
    assert.equal(run.status, 'paused');
    assert.equal(run.error!.code, 'crashed_repeatedly');
    assert.match(run.error!.message, /3 times in a row, each time after "harmless"/);
  }
  // They stay parked at another start, and cost it nothing.
  assert.ok(!live(folder, life + 1).died);
  last = live(folder, life + 2, true);
  assert.deepEqual(
    of('poison').map((run) => run.output),
    ['mended', 'mended'],
  );
});
