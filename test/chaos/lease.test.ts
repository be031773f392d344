import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { seededRandom } from '../../src/engine/contract/random.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from '../fixtures/postgres-server.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const blows = Number(process.env.CHAOS_KILLS ?? 3);
const ttlMs = 400;

interface Piece {
  readonly fence: string;
  readonly process: number;
  readonly piece: number;
}

/** Each job is one process's, whole or broken off, and none goes on once the next has begun. Returns how many were whole. */
function checkPieces(pieces: readonly Piece[]): number {
  let whole = 0;
  let last: Piece | undefined;
  for (const piece of pieces) {
    const isNew = piece.fence !== last?.fence;
    if (isNew) {
      assert.ok(
        BigInt(piece.fence) > BigInt(last?.fence ?? 0),
        `${piece.fence} goes on after ${last?.fence}`,
      );
    } else assert.equal(piece.process, last?.process, `the job of ${piece.fence} was done by two`);
    assert.equal(piece.piece, isNew ? 0 : last!.piece + 1, `a piece of ${piece.fence} is missing, or double`);
    if (piece.piece === 4) whole += 1;
    last = piece;
  }
  return whole;
}

async function prepare(context: TestContext) {
  const server = await startTestPostgres();
  const url = await server.createDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  context.after(async () => {
    await client.end();
    await server.close();
  });
  const columns = 'id bigserial PRIMARY KEY, fence bigint, process int, piece int';
  await client.query(`CREATE TABLE pieces (${columns})`);
  const pieces = async (after = 0) => {
    const text = 'SELECT id, fence, process, piece FROM pieces WHERE id > $1 ORDER BY id';
    return (await client.query<Piece & { id: string }>(text, [after])).rows;
  };
  return { url, pieces };
}

function startHolder(context: TestContext, url: string, onLine: () => void): ChildProcess {
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'lease-child.ts')];
  const child = spawn(process.execPath, [...args, url, String(ttlMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', onLine);
  context.after(() => child.kill('SIGKILL'));
  return child;
}

/** Waits for the next piece of any job. */
async function whoHasIt(
  pieces: (after?: number) => Promise<readonly (Piece & { id: string })[]>,
  holders: ReadonlySet<ChildProcess>,
): Promise<ChildProcess> {
  const last = Number((await pieces()).at(-1)?.id ?? 0);
  for (;;) {
    for (const { exitCode } of holders) assert.equal(exitCode, null, 'a holder ended');
    const piece = (await pieces(last)).at(-1);
    const holder = [...holders].find(({ pid }) => pid === piece?.process);
    if (holder !== undefined) return holder;
    await pause(5);
  }
}

test('what goes wrong with a lease is noticed', () => {
  const done = (fence: string, process: number, piece: number): Piece => ({ fence, process, piece });
  const job = [0, 1, 2, 3, 4].map((piece) => done('1', 7, piece));
  assert.equal(checkPieces([...job, done('2', 8, 0), done('3', 7, 0)]), 1);
  assert.throws(() => checkPieces([...job.slice(0, 3), done('2', 8, 0), done('1', 7, 3)]), /goes on after/);
  assert.throws(() => checkPieces([...job.slice(0, 3), done('1', 8, 3)]), /done by two/);
  assert.throws(() => checkPieces([...job.slice(0, 3), done('1', 7, 2)]), /missing, or double/);
});

test(`whoever has a lease is killed, or stopped until others have had it, ${blows} times (seed ${seed}): no job is done by two`, {
  timeout: 30_000 + blows * 20_000,
  skip: postgresPrograms() === undefined && noPostgres,
}, async (context) => {
  const random = seededRandom(seed);
  const { url, pieces } = await prepare(context);
  let fencedOff = 0;
  const start = () => startHolder(context, url, () => fencedOff++);
  const holders = new Set([start(), start(), start()]);
  for (let blow = 0; blow < blows; blow++) {
    const holder = await whoHasIt(pieces, holders);
    await pause(random() * 40);
    if (blow % 3 === 2) {
      const exited = once(holder, 'exit');
      holder.kill('SIGKILL');
      await exited;
      holders.delete(holder);
      holders.add(start());
    } else {
      holder.kill('SIGSTOP');
      const stopped = Number((await pieces()).at(-1)!.id);
      const deadline = Date.now() + 15_000;
      // Until a whole job has been done by others, whatever it was doing.
      while (!(await pieces(stopped)).some((each) => each.process !== holder.pid && each.piece === 4)) {
        assert.ok(Date.now() < deadline, 'nobody else got the lease');
        await pause(20);
      }
      holder.kill('SIGCONT');
    }
  }
  // Stopped in the middle of a job, they find that it is not theirs any more.
  while (fencedOff === 0) await pause(20);
  const all = await pieces();
  const whole = checkPieces(all);
  context.diagnostic(`${whole} jobs done, ${fencedOff} times fenced off`);
  assert.ok(whole >= blows / 2, 'the others went on meanwhile');
});
