// The process that random-programs.test.ts kills: it starts the programs that have not been started, sends what they wait for, and
// ends when all have ended.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, programFlows, sendSignals } from '../../src/engine/contract/programs.ts';
import { EmbeddedEngine } from '../../src/engine/embedded/engine.ts';
import { silentObserver } from '../../src/engine/observer.ts';
import { Database } from '../../src/sqlite/database.ts';
import { noteLine } from './note.ts';

const folder = process.argv[2]!;
const programs = JSON.parse(readFileSync(join(folder, 'programs.json'), 'utf8')) as Program[];
const note = (line: string) => noteLine(join(folder, 'effects'), line);
const { program: flow, flows } = programFlows(({ idempotencyKey, attempt }) => {
  note(`${idempotencyKey} ${attempt}`);
  return () => note(`${idempotencyKey} told`);
});
const database = new Database(join(folder, 'journal.sqlite'));
const engine = new EmbeddedEngine({
  ...{ database, flows, writeFacts: () => {}, observer: silentObserver, residentMs: 20 },
  parkAfterCrashes: null,
});
engine.recover();
process.stdout.write('lives\n');

const left = programs.entries();
async function startAll(): Promise<void> {
  for (const [index, program] of left) {
    const key = { key: String(index), fingerprint: '', expiresAt: Date.now() + 600_000 };
    const { runId } = await engine.start(flow, program, { idempotency: key });
    await sendSignals(engine, runId, program);
  }
}
await Promise.all(Array.from({ length: 8 }, startAll));
const unfinished = () =>
  database.get<{ runId: string }>(
    `SELECT run_id AS "runId" FROM runs WHERE ended_at IS NULL AND status <> 'paused' LIMIT 1`,
  );
for (let next = unfinished(); next !== undefined; next = unfinished()) await engine.wait(next.runId);
await engine.stop(1_000);
database.close();
