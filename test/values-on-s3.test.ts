import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Secret } from '../src/core/secret.ts';
import { type EngineUnderTest, flowOf, runToEnd } from '../src/engine/contract/harness.ts';
import { sizeCases } from '../src/engine/contract/sizes.ts';
import { EmbeddedEngine } from '../src/engine/embedded/engine.ts';
import type { Flow } from '../src/engine/flow.ts';
import { LambdaEngine } from '../src/engine/lambda/engine.ts';
import { SqliteRecords } from '../src/engine/lambda/sqlite-records.ts';
import { Worker } from '../src/engine/lambda/worker.ts';
import { silentObserver } from '../src/engine/observer.ts';
import type { Objects } from '../src/objects/objects.ts';
import { createS3Objects, type S3Objects } from '../src/objects/s3/s3.ts';
import { Database } from '../src/sqlite/database.ts';
import { DurableService } from './fixtures/durable-service.ts';
import { type S3Server, startS3Server } from './fixtures/s3-server.ts';

type Open = (
  context: TestContext,
  objects: Objects,
  flows: readonly Flow<never>[],
) => Omit<EngineUnderTest, 'objects' | 'facts'>;

const engines: Record<string, Open> = {
  embedded(context, objects, firstFlows) {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-values-'));
    const start = (flows: readonly Flow<never>[]) => {
      const database = new Database(join(folder, 'journal.sqlite'));
      const engine = new EmbeddedEngine({
        ...{ database, flows, objects, observer: silentObserver },
        writeFacts: () => {},
      });
      engine.recover();
      return { database, engine };
    };
    let open = start(firstFlows);
    const stop = async () => {
      await open.engine.stop(0);
      open.database.close();
    };
    context.after(async () => {
      await stop();
      rmSync(folder, { recursive: true });
    });
    return {
      get engine() {
        return open.engine;
      },
      async restart(flows = firstFlows) {
        await stop();
        open = start(flows);
        return open.engine;
      },
    };
  },
  lambda(context, objects, firstFlows) {
    const [service, records] = [new DurableService(), new SqliteRecords(':memory:')];
    const start = (flows: readonly Flow<never>[]) => {
      const shared = { flows, api: service, records, objects, appendFacts: async () => {} };
      const engine = new LambdaEngine(shared);
      const onChange = (runId: string) => engine.tell(runId);
      const worker = new Worker({ ...shared, client: service, observer: silentObserver, onChange });
      service.deploy(worker.handle);
      return { engine, worker };
    };
    let open = start(firstFlows);
    const stop = async () => {
      await open.engine.stop(0);
      service.kill();
      open.worker.stop();
    };
    context.after(async () => {
      await stop();
      service.close();
      records.close();
    });
    return {
      get engine() {
        return open.engine;
      },
      async restart(flows = firstFlows) {
        await stop();
        open = start(flows);
        await open.engine.open();
        return open.engine;
      },
    };
  },
};

/** The limit of operations has nothing to do with objects. */
const { 'as many operations as the limit pass, ten thousand at once are refused': _, ...cases } = sizeCases;

for (const [name, open] of Object.entries(engines)) {
  describe(`large values on S3: ${name}`, () => {
    let s3: S3Server;
    let objects: S3Objects;
    before(async () => {
      s3 = await startS3Server();
      const { accessKeyId, secretAccessKey } = s3.credentials;
      const credentials = { accessKeyId, secretAccessKey: new Secret(secretAccessKey) };
      const about = { bucket: 'bucket', prefix: 'signalbox', region: 'us-east-1' };
      objects = createS3Objects({ ...about, endpoint: s3.endpoint, credentials });
    });
    after(async () => {
      objects?.close();
      await s3?.close();
    });

    for (const [title, contractCase] of Object.entries(cases)) {
      test(title, { timeout: 60_000 }, async (context) => {
        s3.objects.clear();
        await contractCase(async (flows) => {
          const under = open(context, objects, flows);
          return Object.defineProperties(
            { objects, facts: async () => [] },
            Object.getOwnPropertyDescriptors(under),
          ) as unknown as EngineUnderTest;
        }, context);
      });
    }

    test('a bucket that refuses, or whose answers get lost, delays a run and takes nothing from it', async (context) => {
      const text = 'x'.repeat(600_000);
      const flow = flowOf('large', async (step, input) => {
        const given = await step.run('gives', () => `${text}y`);
        return [(input as string).length, given.length, `${given}z`];
      });
      const { engine } = open(context, objects, [flow]);
      s3.fail(/^PUT signalbox\/values/, { status: 503, code: 'SlowDown' }, 'lost', 'lost');
      s3.fail(/^GET signalbox\/values/, { status: 500, code: 'InternalError' }, 'half');
      const { status, output } = await runToEnd(engine, flow, text);
      assert.equal(status, 'succeeded');
      assert.deepEqual(output, [600_000, 600_001, `${text}yz`]);
    });
  });
}
