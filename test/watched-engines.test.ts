import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Type } from 'typebox';
import { EmbeddedEngine } from '../src/engine/embedded/engine.ts';
import type { Engine } from '../src/engine/engine.ts';
import { defineFlow, type Flow } from '../src/engine/flow.ts';
import { LambdaEngine } from '../src/engine/lambda/engine.ts';
import { SqliteRecords } from '../src/engine/lambda/sqlite-records.ts';
import { Worker } from '../src/engine/lambda/worker.ts';
import { silentObserver } from '../src/engine/observer.ts';
import { RestateEngine } from '../src/engine/restate/engine.ts';
import { createFolderObjects } from '../src/objects/folder.ts';
import { createSampler } from '../src/observe/traces/sampler.ts';
import type { SpanData } from '../src/observe/traces/span.ts';
import { Tracer } from '../src/observe/traces/tracer.ts';
import { watchedFlow } from '../src/observe/watched-flow.ts';
import { Database } from '../src/sqlite/database.ts';
import { DurableService } from './fixtures/durable-service.ts';
import { noServer, restateBinary, startRestateServer } from './fixtures/restate-server.ts';
import { freePort } from './fixtures/server-process.ts';

/** The spans of an approval that is waited for over a restart, as each engine makes them. */
type Begin = (flows: readonly Flow<never>[]) => Promise<{ engine: Engine; end(): Promise<void> }>;
type Open = (context: TestContext, folder: string) => Promise<Begin>;

const embedded: Open = async (_, folder) => async (flows) => {
  const database = new Database(join(folder, 'journal.sqlite'));
  const options = { database, flows, writeFacts: () => {}, observer: silentObserver, residentMs: 0 };
  const engine = new EmbeddedEngine(options);
  engine.recover();
  return { engine, end: () => engine.stop(0).then(() => database.close()) };
};

const restate: Open = async (context, folder) => {
  const server = await startRestateServer();
  context.after(() => server.close());
  const workerPort = await freePort();
  return async (flows) => {
    const engine = new RestateEngine({
      ...{ ingressUrls: [server.ingressUrl], adminUrl: server.adminUrl, namespace: 'spans', flows },
      ...{ workerHost: '127.0.0.1', workerPort, identityKeys: [] },
      keeping: { retentionMs: 3_600_000, longestRetryMs: 200 },
      appendFacts: async () => {},
      observer: silentObserver,
      objects: createFolderObjects(folder),
    });
    await engine.open();
    await engine.registered();
    return { engine, end: () => engine.stop(0) };
  };
};

const lambda: Open = async (context, folder) => {
  const service = new DurableService(':memory:');
  const records = new SqliteRecords(':memory:');
  context.after(() => {
    service.close();
    records.close();
  });
  const objects = createFolderObjects(folder);
  return async (flows) => {
    const shared = { flows, api: service, records, objects, appendFacts: async () => {}, now: service.now };
    const engine = new LambdaEngine(shared);
    const onChange = (runId: string) => engine.tell(runId);
    const worker = new Worker({ ...shared, client: service, observer: silentObserver, onChange });
    service.deploy(worker.handle);
    await engine.open();
    const end = async () => {
      await engine.stop(0);
      service.kill();
      worker.stop();
    };
    return { engine, end };
  };
};

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function flowsTold(spans: SpanData[]): { flows: Flow<never>[]; approval: Flow<object> } {
  const tracer = new Tracer({ emit: (span) => spans.push(span), sampler: createSampler('always_on') });
  const any = { version: 1, input: Type.Unknown(), output: Type.Unknown() };
  const watched = <I, O>(flow: Flow<I, O>) => watchedFlow(flow, [tracer]);
  const child = watched(
    defineFlow({ name: 'child', ...any, run: (step) => step.run('in the child', () => 1) }),
  );
  const approval = watched(
    defineFlow({
      name: 'approval',
      ...any,
      async run(step, input) {
        await step.run('propose', () => null);
        const answer = await step.waitForSignal('approval', { timeoutMs: 600_000 });
        const late = await step.waitForSignal('more', { timeoutMs: 1 });
        const flaky = ({ attempt }: { attempt: number }) => {
          if (attempt === 1) throw new Error('once');
          return attempt;
        };
        await step.run('execute', flaky, { retry: { maxAttempts: 2, delaysMs: [1] } });
        await step.call('tell', child, { ...(input as object), parentRunId: step.runId });
        return { answer, late };
      },
    }),
  );
  return { flows: [approval, child] as unknown as Flow<never>[], approval: approval as Flow<object> };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); ) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function oneTrace(context: TestContext, open: Open): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-spans-'));
  const begin = await open(context, folder);
  const before: SpanData[] = [];
  const first = flowsTold(before);
  let running = await begin(first.flows);
  context.after(async () => {
    await running.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const { runId } = await running.engine.start(first.approval, { traceparent });
  const waits = async () => (await running.engine.get(runId))?.status === 'waiting';
  await until('it waits', waits);
  await until('its step is told', () => before.length === 1);
  await running.end();
  const restartedAt = Date.now();
  const after: SpanData[] = [];
  const second = flowsTold(after);
  running = await begin(second.flows);
  const { engine } = running;
  await engine.signal(runId, 'approval', { approved: true });
  const run = await engine.wait(runId);
  assert.equal(run.status, 'succeeded', JSON.stringify(run.error));
  await until('the end is told', () => after.some(({ name }) => name === 'flow approval'));

  const told = [...before, ...after];
  // A span that is told twice is the same span: its ids and its name are.
  const spans = [...new Map(told.map((span) => [span.spanId, span])).values()];
  const one = (name: string, kind?: string) => {
    const found = spans.filter(
      (span) => span.name === name && (!kind || span.attributes['error.type'] === kind),
    );
    assert.equal(found.length, kind ? 1 : found.length, name);
    return found[0]!;
  };
  assert.deepEqual(
    spans.map(({ name }) => name).sort(),
    [
      ...['call tell', 'execute', 'execute', 'flow approval', 'flow child', 'in the child', 'propose'],
      ...['wait approval', 'wait more'],
    ].sort(),
  );
  assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [traceparent.split('-')[1]]);
  const [root, child, wait] = [one('flow approval'), one('flow child'), one('wait approval')];
  assert.deepEqual([root.parentSpanId, root.parentIsRemote], [traceparent.split('-')[2], true]);
  for (const span of spans) {
    if (span === root) continue;
    assert.equal(span.parentSpanId, span.name === 'in the child' ? child.spanId : root.spanId, span.name);
    assert.ok(span.endedAt >= span.startedAt, span.name);
  }
  assert.ok(wait.startedAt <= restartedAt, 'the wait began before the restart');
  assert.ok(wait.endedAt >= restartedAt, 'and ended after it');
  assert.ok(root.startedAt <= wait.startedAt && root.endedAt >= wait.endedAt, 'the run was longer');
  assert.equal(wait.attributes['signalbox.wait.outcome'], 'signalled');
  assert.equal(one('wait more').attributes['signalbox.wait.outcome'], 'timed_out');
  assert.match(one('execute', 'Error').error ?? '', /once/);
}

test('embedded: an approval over a restart is one trace', (context) => oneTrace(context, embedded));
test('Restate: the same', { skip: restateBinary() === undefined && noServer }, (context) =>
  oneTrace(context, restate),
);
test('Lambda: the same', (context) => oneTrace(context, lambda));
