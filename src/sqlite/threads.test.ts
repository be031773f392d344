import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DatabaseThreads, ThreadGone } from './threads.ts';

/** A thread that answers with what it is asked for, refuses what it does not know and ends at `end`. */
const module = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, threadId } from 'node:worker_threads';
    parentPort.on('message', ({ name, argument }) => {
      if (name === 'end') process.exit(1);
      if (name === 'break') return setImmediate(() => { throw new Error('It broke.'); });
      if (name === 'thread') return parentPort.postMessage({ json: String(threadId) });
      if (name === 'echo') return parentPort.postMessage({ json: JSON.stringify(argument) });
      if (name === 'fail') return parentPort.postMessage({ failed: 'It failed.' });
      const fields = [{ path: 'after', message: 'is not a cursor' }];
      parentPort.postMessage({ refused: { code: 'invalid_request', message: 'No.', fields } });
    });
  `)}`,
);

function threadsFor(context: TestContext, most = 2, onError?: (error: unknown) => void): DatabaseThreads {
  const threads = new DatabaseThreads({ module, workerData: {}, most, onError });
  context.after(() => threads.close());
  return threads;
}

const asked = (threads: DatabaseThreads, name: string, argument?: unknown) => threads.ask({ name, argument });

test('threads answer, each one question after the other, and no more are made than may be', async (context) => {
  const threads = threadsFor(context);
  assert.deepEqual(await asked(threads, 'echo', { a: [1] }), { a: [1] });
  const ids = await Promise.all(Array.from({ length: 20 }, () => asked(threads, 'thread')));
  assert.ok(new Set(ids).size <= 2);
});

test('an error of the catalogue stays one, and another keeps its message', async (context) => {
  const threads = threadsFor(context, 1);
  await assert.rejects(asked(threads, 'unknown'), {
    code: 'invalid_request',
    fields: [{ path: 'after', message: 'is not a cursor' }],
  });
  await assert.rejects(asked(threads, 'fail'), { message: 'It failed.' });
});

test('what a thread was asked that came to its end is given back, and another one goes on', async (context) => {
  const threads = threadsFor(context, 1);
  const [end, waiting] = [asked(threads, 'end'), asked(threads, 'echo', 1)];
  await assert.rejects(end, ThreadGone);
  assert.equal(await waiting, 1);
});

test('threads that break now and then are told of and replaced, and those that only break are given up', async (context) => {
  const errors: unknown[] = [];
  const threads = threadsFor(context, 1, (error) => errors.push(error));
  for (let time = 0; time < 4; time++) {
    await assert.rejects(asked(threads, 'break'), ThreadGone);
    assert.equal(await asked(threads, 'echo', time), time);
  }
  assert.deepEqual(
    errors.map((error) => (error as Error).message),
    Array.from({ length: 4 }, () => 'It broke.'),
  );
  for (let time = 0; time < 3; time++) await assert.rejects(asked(threads, 'break'), ThreadGone);
  await assert.rejects(asked(threads, 'echo'), ThreadGone);
});

test('nothing is asked while it has to be quiet', async (context) => {
  const [threads, others] = [threadsFor(context), threadsFor(context)];
  const before = asked(threads, 'echo', 'before');
  const seen: unknown[] = [];
  let later: Promise<unknown> | undefined;
  await threads.quietly(async () => {
    seen.push(await before);
    later = asked(threads, 'echo', 'after').then((value) => seen.push(value));
    // In the same time others are made and answer.
    await asked(others, 'echo');
    seen.push('quiet');
  });
  await later;
  assert.deepEqual(seen, ['before', 'quiet', 'after']);
});

test('threads that are closed, or can not be had, give back what they are asked', async (context) => {
  const closed = threadsFor(context);
  await closed.close();
  await assert.rejects(asked(closed, 'echo'), ThreadGone);
  // One that ends at once, and one that is not even made.
  for (const url of ['file:///missing.ts', 'http://127.0.0.1/missing.ts']) {
    const missing = new DatabaseThreads({ module: new URL(url), workerData: {}, most: 1 });
    for (let attempt = 0; attempt < 5; attempt++) await assert.rejects(asked(missing, 'echo'), ThreadGone);
  }
});
