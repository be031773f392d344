import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DurableService } from '../../../test/fixtures/durable-service.ts';
import { flowOf, runToEnd } from '../contract/harness.ts';
import { silentObserver } from '../observer.ts';
import { LambdaEngine } from './engine.ts';
import { SqliteRecords } from './sqlite-records.ts';
import { Worker } from './worker.ts';

test('a run is not suspended while its facts are written, however long that takes', async (context) => {
  const flow = flowOf('tells', async (step) => {
    await step.run('tells', (told) => told.record({ type: 'told', subject: 'subject', data: {} }));
    return step.run('goes on', () => 'gone on');
  });
  const [service, records] = [new DurableService(), new SqliteRecords(':memory:')];
  context.after(() => service.close());
  // The SDK suspends after 20 ms in which nothing executes.
  const appendFacts = () => delay(100);
  const shared = { flows: [flow], api: service, records, appendFacts };
  service.deploy(new Worker({ ...shared, client: service, observer: silentObserver }).handle);
  const run = await runToEnd(new LambdaEngine(shared), flow);
  assert.equal(run.output, 'gone on');
  assert.equal(service.invoked, 1, 'another invocation was needed: see Hold');
});
