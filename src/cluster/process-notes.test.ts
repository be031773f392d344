import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { beginningOf, ProcessNotes } from './process-notes.ts';

function prepare(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-notes-'));
  const children: ChildProcess[] = [];
  context.after(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const start = (name: string) => {
    const child = new ProcessNotes(folder).noting(name, spawn)('sleep', ['60'], { stdio: 'ignore' });
    children.push(child);
    return child;
  };
  return { folder, start, notes: () => readdirSync(join(folder, 'processes')) };
}

test('what an earlier start has left is ended, by its name', async (context) => {
  const { folder, start, notes } = prepare(context);
  const [one, other] = [start('worker-1'), start('worker-2')];
  assert.deepEqual(notes().sort(), ['worker-1.json', 'worker-2.json']);
  const exited = once(one, 'exit');
  one.kill();
  await exited;
  assert.deepEqual(notes(), ['worker-2.json'], 'no note of what has ended');
  const ended = once(other, 'exit');
  assert.deepEqual(await new ProcessNotes(folder).endLeftovers(), ['worker-2']);
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.deepEqual(notes(), []);
});

test('a process that has the number of an earlier one is left alone, and so is a note that is not whole', async (context) => {
  const { folder, start, notes } = prepare(context);
  const { pid } = start('worker-1');
  const path = join(folder, 'processes', 'worker-1.json');
  const note = JSON.parse(readFileSync(path, 'utf8')) as { began: string };
  for (const other of [{ pid, began: `${note.began}1` }, { pid: 0, began: note.began }, { pid }, 7]) {
    writeFileSync(path, JSON.stringify(other));
    assert.deepEqual(await new ProcessNotes(folder).endLeftovers(), []);
  }
  writeFileSync(path, '{"pid":');
  assert.deepEqual(await new ProcessNotes(folder).endLeftovers(), []);
  assert.equal(beginningOf(pid!), note.began, 'it still runs');
  assert.deepEqual(notes(), []);
});
