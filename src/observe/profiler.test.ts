import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProcessProfile, Profiler } from './profiler.ts';

const never = new AbortController().signal;

/** Work with a name that a profile can show. */
function countPrimes(until: number): number {
  let count = 0;
  for (let n = 2; n < until; n++) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= n && isPrime; divisor++) isPrime = n % divisor !== 0;
    if (isPrime) count++;
  }
  return count;
}

test('shows what the process did, and what took memory', async () => {
  const kept: object[] = [];
  const profileOfWork = async () => {
    const taking = new Profiler().profile(400, never);
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    taking.then(over, over);
    while (!isOver) {
      countPrimes(20_000);
      for (let n = 0; n < 1_000; n++) kept.push({ n, text: `text ${n}` });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return taking;
  };
  const shows = ({ cpu, heap }: ProcessProfile) =>
    cpu.nodes.some(({ callFrame }) => callFrame.functionName === 'countPrimes') &&
    heap.takenBy.some(({ place }) => place.includes('profiler.test.ts'));
  // On a busy machine few samples are taken.
  let taken = await profileOfWork();
  for (let more = 0; more < 9 && !shows(taken); more++) taken = await profileOfWork();
  assert.ok(shows(taken));
  const { cpu, heap } = taken;
  assert.ok(cpu.endTime > cpu.startTime);
  assert.ok(heap.usedBytes > 1e6 && heap.limitBytes > heap.usedBytes);
  assert.ok(heap.spaces.length > 3 && kept.length > 0);
});

test('one at a time; one that nobody waits for ends at once', async () => {
  const profiler = new Profiler();
  const gone = new AbortController();
  const first = profiler.profile(60_000, gone.signal);
  await assert.rejects(profiler.profile(1, never), { code: 'conflict' });
  gone.abort();
  assert.ok((await first).cpu.nodes.length > 0);
  assert.ok((await profiler.profile(1, never)).heap.usedBytes > 0);
});
