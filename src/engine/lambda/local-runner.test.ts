import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import { DurableService } from '../../../test/fixtures/durable-service.ts';
import { uuidv7 } from '../../core/ids.ts';
import { flowOf } from '../contract/harness.ts';
import { silentObserver } from '../observer.ts';
import { SqliteRecords } from './sqlite-records.ts';
import { Worker } from './worker.ts';

test("a flow runs on the vendor's local runner", async (context) => {
  const flow = flowOf('local', async (step, input) => {
    const doubled = await step.run(
      'doubles',
      ({ attempt }) => {
        if (attempt === 1) throw new Error('once');
        return (input as number) * 2;
      },
      { retry: { maxAttempts: 2, delaysMs: [5] } },
    );
    await step.sleep('a second', 1_000);
    const [left, right] = await Promise.all([
      step.run('left', () => 'left'),
      step.sleep('nap', 5).then(() => 'right'),
    ]);
    return [doubled, left, right];
  });
  await LocalDurableTestRunner.setupTestEnvironment({ skipTime: false });
  context.after(() => LocalDurableTestRunner.teardownTestEnvironment());
  const [records, api] = [new SqliteRecords(':memory:'), new DurableService()];
  context.after(() => api.close());
  const appendFacts = async () => {};
  const worker = new Worker({ flows: [flow], records, api, appendFacts, observer: silentObserver });
  const runId = uuidv7();
  const runner = new LocalDurableTestRunner({ handlerFunction: worker.handle });
  const payload = { runId, flow: 'local', version: 1, input: 21, createdAt: Date.now(), facts: [] };
  const result = await runner.run({ payload });
  assert.equal(result.getStatus(), 'SUCCEEDED');
  assert.deepEqual((result.getResult() as { output: unknown }).output, [42, 'left', 'right']);
  const names = result.getOperations().map((operation) => operation.getName());
  assert.ok(names.includes('0.2 run doubles') && names.includes('1 sleep a second'), `${names}`);
});
