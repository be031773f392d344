import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follower } from './follower.ts';

test('a follower works when there is news, tells a failure once, and goes on', async (context) => {
  const errors: unknown[] = [];
  const limits: number[] = [];
  let fails = 3;
  const done = Promise.withResolvers<void>();
  const follower = new Follower({
    delayMs: 1,
    everyMs: 2,
    onError: (error) => errors.push(error),
    async piece(limit) {
      if (fails-- > 0) throw new Error('not now');
      limits.push(limit);
      if (limits.length === 4) done.resolve();
      return { isThrough: limits.length % 2 === 0, tookMs: limits.length === 1 ? 100 : 0 };
    },
  });
  context.after(() => follower.stop());
  follower.begin();
  await done.promise;
  assert.equal(errors.length, 1);
  // A piece that took long is followed by a smaller one.
  assert.ok(limits[1]! < limits[0]!);
});

test('one that is stopped does nothing more', async () => {
  let pieces = 0;
  const first = Promise.withResolvers<void>();
  const follower = new Follower({
    delayMs: 1,
    everyMs: 1,
    async piece() {
      pieces++;
      first.resolve();
      return { isThrough: true, tookMs: 0 };
    },
  });
  follower.begin();
  await first.promise;
  follower.stop();
  const before = pieces;
  follower.wake();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(pieces, before);
});

test('one whose thread others use rests for longer', async () => {
  const piecesIn = async (ms: number, load: () => void) => {
    let pieces = 0;
    const piece = async () => {
      pieces++;
      return { isThrough: false, tookMs: 5 };
    };
    const follower = new Follower({ piece, delayMs: 1 });
    follower.begin();
    const until = performance.now() + ms;
    while (performance.now() < until) {
      load();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    follower.stop();
    return pieces;
  };
  const idle = await piecesIn(400, () => {});
  const busy = await piecesIn(400, () => {
    const until = performance.now() + 20;
    while (performance.now() < until);
  });
  // With rests as short as beside nothing it would have a turn after each of twenty pieces of work.
  assert.ok(busy <= 10 && busy < idle, `${busy} pieces beside work, ${idle} beside nothing`);
});

test('that there was little to do makes no piece larger', async (context) => {
  const limits: number[] = [];
  const done = Promise.withResolvers<void>();
  const follower = new Follower({
    delayMs: 1,
    everyMs: 1,
    async piece(limit) {
      limits.push(limit);
      if (limits.length === 9) done.resolve();
      // Idle for some time, and then much to do.
      return { isThrough: limits.length < 8, tookMs: 0 };
    },
  });
  context.after(() => follower.stop());
  follower.begin();
  await done.promise;
  assert.equal(new Set(limits.slice(0, 8)).size, 1);
  assert.equal(limits[8], limits[0]! * 2);
});
