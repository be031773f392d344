import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adaptiveSync } from './adaptive-sync.ts';

/** A disk whose syncs take `durationMs`; counts where they were waited for. */
function aDisk() {
  const disk = { durationMs: 0.2, waited: 0, handedOver: 0, time: 0 };
  const sync = adaptiveSync({
    waiting() {
      disk.waited += 1;
      disk.time += disk.durationMs;
    },
    onPool(_, done) {
      disk.handedOver += 1;
      done(null);
    },
    now: () => disk.time,
  });
  return { disk, times: (count: number) => Array.from({ length: count }, () => sync(1, () => {})) };
}

test('a fast disk is waited for, a slow one is not, and is tried again', () => {
  const { disk, times } = aDisk();
  times(1_000);
  assert.deepEqual([disk.waited, disk.handedOver], [1_000, 0]);
  disk.durationMs = 8;
  times(503);
  assert.deepEqual([disk.waited, disk.handedOver], [1_003, 500]);
  times(501);
  assert.deepEqual([disk.waited, disk.handedOver], [1_004, 1_000], 'one trial, and it was slow again');
  disk.durationMs = 0.2;
  times(600);
  assert.deepEqual([disk.waited, disk.handedOver], [1_604, 1_000]);
});

test('a slow sync among fast ones changes nothing', () => {
  const { disk, times } = aDisk();
  for (let round = 0; round < 50; round++) {
    disk.durationMs = 20;
    times(2);
    disk.durationMs = 0.2;
    times(1);
  }
  assert.equal(disk.handedOver, 0);
});

test('what the system says of a failure is told', () => {
  let told: Error | null = null;
  adaptiveSync({
    waiting() {
      throw new Error('EIO');
    },
    onPool: () => {},
    now: () => 0,
  })(1, (error) => {
    told = error;
  });
  assert.equal((told as Error | null)?.message, 'EIO');
});
