import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { DurableExecutionInvocationOutput } from '@aws/durable-execution-sdk-js';
import { DurableService, type ServiceOptions } from '../../../test/fixtures/durable-service.ts';
import type { SignalboxError } from '../../core/errors.ts';
import { uuidv7 } from '../../core/ids.ts';
import { createFolderObjects } from '../../objects/folder.ts';
import { engineContract } from '../contract/contract.ts';
import {
  type EngineHarness,
  type EngineUnderTest,
  eventually,
  flowOf,
  runToEnd,
  untilStatus,
} from '../contract/harness.ts';
import { seededRandom } from '../contract/random.ts';
import { operationLimit, type StampedFact } from '../engine.ts';
import type { Flow } from '../flow.ts';
import { silentObserver } from '../observer.ts';
import type { LambdaApi } from './api.ts';
import { LambdaEngine } from './engine.ts';
import { type InboxRecord, type KeyRecord, listFor, type RunRecord, recordKeys } from './messages.ts';
import { SqliteRecords } from './sqlite-records.ts';
import { Worker } from './worker.ts';

interface LambdaHarness extends EngineHarness {
  open(
    test: TestContext,
    flows: readonly Flow<never>[],
  ): Promise<EngineUnderTest & { readonly service: DurableService; readonly records: SqliteRecords }>;
}

function lambda(
  skip: Record<string, string>,
  options: ServiceOptions = {},
  through = (service: LambdaApi) => service,
): LambdaHarness {
  return {
    skip,
    async open(test, firstFlows) {
      const service = new DurableService(':memory:', options);
      const records = new SqliteRecords(':memory:');
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-lambda-'));
      const objects = createFolderObjects(folder);
      const facts = new Map<string, StampedFact>();
      const appendFacts = async (some: readonly StampedFact[]) => {
        for (const fact of some) if (!facts.has(fact.id)) facts.set(fact.id, fact);
      };
      let stopWorker = () => {};
      const start = async (flows: readonly Flow<never>[]) => {
        const shared = { flows, api: through(service), records, objects, appendFacts, now: service.now };
        const engine = new LambdaEngine(shared);
        const onChange = (runId: string) => engine.tell(runId);
        const worker = new Worker({ ...shared, client: service, observer: silentObserver, onChange });
        stopWorker = () => worker.stop();
        service.deploy(worker.handle);
        await engine.open();
        return engine;
      };
      let flows = firstFlows;
      let engine = await start(flows);
      test.after(async () => {
        await engine.stop(0);
        stopWorker();
        service.close();
        records.close();
        rmSync(folder, { recursive: true, force: true });
      });
      return {
        get engine() {
          return engine;
        },
        service,
        records,
        objects,
        facts: async () => [...facts.values()],
        moveClock: service.moveClock,
        restart: async (otherFlows) => {
          await engine.stop(0);
          service.kill();
          stopWorker();
          flows = otherFlows ?? flows;
          engine = await start(flows);
          return engine;
        },
      };
    },
  };
}

const elsewhere = 'AWS decides how many runs execute at once and in which order; there is no queue of ours';

const oneProcess =
  'in AWS each run is invoked in a process of its own; thousands share one here, which takes minutes';

const skipped: Record<string, string> = {
  'at most so many runs of a flow execute at once, and other flows have their turn': elsewhere,
  'a higher priority goes first, equal ones in the order in which they came, also after a restart': elsewhere,
  'who waits a minute goes before a priority that is one higher': elsewhere,
  'of runs with one key only so many are under way, also while they wait and after a restart': elsewhere,
  'a run that is cancelled while its key is taken never begins, and those behind it do': elsewhere,
  'a stop lets what executes come to rest, refuses new runs, and the rest goes on later':
    'runs execute in Lambda, which goes on when a gateway stops',
  'as many operations as the limit pass, ten thousand at once are refused':
    'AWS takes 3,000 operations of a run, of which the engine needs some; the limit has a test of its own',
  'many timers at one moment': oneProcess,
  'ten thousand timers that are due in one millisecond, and one more that is not': oneProcess,
};

const madeAgain = 'a step beside the one that ends is cut off and made again; the case counts how often';
const tooMany =
  'with a replay after each operation thousands of them take minutes; once, without it, they pass';

/** In which each operation that ends cuts the invocation off. */
const skippedWhenCutOff: Record<string, string> = {
  'more operations than the limit end the run with a clear error': tooMany,
  'a thousand steps at once': tooMany,
  'failed attempts count across a restart': madeAgain,
  'a branch that fails does not wait for the others, which are recorded all the same': madeAgain,
};

engineContract('lambda', lambda(skipped));

engineContract(
  'lambda, cut off after each operation',
  lambda({ ...skipped, ...skippedWhenCutOff }, { alwaysSuspend: true }),
);

describe('lambda', () => {
  test('what is skipped stands in the documentation', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/engines.md'), 'utf8');
    for (const [title, reason] of Object.entries({ ...skipped, ...skippedWhenCutOff })) {
      assert.ok(page.includes(`| ${title} | ${reason} |`), title);
    }
  });

  test('invocations that are cut off at random, before and after what they write, change nothing', async (context) => {
    const random = seededRandom(4);
    const child = flowOf('child', async (step, input) => [input, (await step.waitForSignal('go')).payload]);
    const flow = flowOf('every-kind', async (step) => {
      const first = await step.run('tells', (context) => {
        context.record({ type: 'told', subject: 'subject', data: {} });
      });
      const [left, , called] = await Promise.all([
        step.run('left', () => 'left'),
        step.sleep('nap', 3),
        step.call('asks', child, 'called'),
      ]);
      const started = await step.start('begins', child, 'started');
      const raced = await Promise.race([
        step.sleep('limit', 20).then(() => 'limit'),
        step.waitForSignal('go').then(({ payload }) => payload),
      ]);
      const ended = await step.waitForSignal('end');
      return { first, left, called, started, raced, ended };
    });
    const cutOff = () => random() < 0.25;
    const under = await lambda({}, { cutOff }).open(context, [flow, child]);
    const { engine } = under;
    const runs = await Promise.all(Array.from({ length: 20 }, () => engine.start(flow, {})));
    for (const { runId } of runs) {
      await eventually(
        'it has called',
        async () => (await engine.history(runId))[3]?.childRunId !== undefined,
      );
      const { childRunId } = (await engine.history(runId))[3]!;
      assert.notEqual(await engine.signal(childRunId!, 'go', runId), 'duplicate');
      await engine.signal(runId, 'end', 'end');
    }
    for (const { runId } of runs) {
      const { status, output } = await engine.wait(runId);
      assert.equal(status, 'succeeded');
      const { called, ended } = output as { called: unknown; ended: unknown };
      assert.deepEqual([called, ended], [['called', runId], { timedOut: false, payload: 'end' }]);
      const history = await engine.history(runId);
      assert.deepEqual(
        history.map(({ kind }) => kind),
        ['run', 'run', 'sleep', 'call', 'start', 'sleep', 'signal', 'signal'],
      );
    }
    assert.equal((await under.facts()).length, runs.length);
    assert.equal((await engine.list({ flow: 'child', limit: 100 })).runs.length, 2 * runs.length);
  });

  test('names that AWS does not take come back as they were', async (context) => {
    const names = ['plain', 'größer & 100 % ~ \u{1f600}', 'a\nb'];
    const flow = flowOf('names', async (step) => {
      for (const name of names) await step.run(name, () => null);
      await step.run('x'.repeat(1_000), () => null);
      await step.run(`${'x'.repeat(1_000)}y`, () => null);
    });
    const { engine } = await lambda({}, { alwaysSuspend: true }).open(context, [flow]);
    const { runId, status } = await runToEnd(engine, flow);
    assert.equal(status, 'succeeded');
    const shown = (await engine.history(runId)).map(({ name }) => name);
    assert.deepEqual(shown.slice(0, names.length), names);
    assert.notEqual(shown.at(-1), shown.at(-2));
  });

  test('nothing that was said to a run is in the records once it is forgotten', async (context) => {
    const flow = flowOf('forgotten', async (step) => {
      await step.waitForSignal('go');
      return step.waitForSignal('go');
    });
    const { engine, records } = await lambda({}).open(context, [flow]);
    const idempotency = { key: 'k', fingerprint: 'f', expiresAt: Date.now() + 3_600_000 };
    const { runId } = await engine.start(flow, { who: 'Zebulon' }, { idempotency });
    for (const key of ['1', '2']) await engine.signal(runId, 'go', 'Zebulon', { key });
    await engine.wait(runId);
    const kept = async () => [
      ...(await records.list(listFor(runId), 100)),
      await records.read(recordKeys.run(runId)),
      await records.read(recordKeys.idempotency('k')),
    ];
    assert.match(JSON.stringify(await kept()), /Zebulon/);
    await engine.forgetRuns([runId]);
    assert.deepEqual(await kept(), [undefined, undefined]);
  });

  test('a run whose operations use up what AWS takes fails by name', async (context) => {
    const flow = flowOf('endless', (step) =>
      Promise.all(Array.from({ length: operationLimit }, (_, n) => step.sleep(`${n}`, 3_600_000))),
    );
    const { engine } = await lambda({}).open(context, [flow]);
    assert.equal((await runToEnd(engine, flow)).error!.code, 'too_many_operations');
  });

  test('facts that are too large for AWS beside their value, or their start, are told all the same', async (context) => {
    const text = 'x'.repeat(190 * 1024);
    const fact = { type: 'told', subject: 'subject', data: { text } };
    const child = flowOf('child', async () => text);
    const flow = flowOf('talkative', async (step) => {
      const said = await step.run('says', (told) => {
        told.record(fact);
        told.record({ ...fact, type: 'told again' });
        return text;
      });
      await step.start('begins', child, text, { facts: [fact, fact] });
      return said.length + ((await step.call('asks', child, text, { facts: [fact] })) as string).length;
    });
    const under = await lambda({}, { alwaysSuspend: true }).open(context, [flow, child]);
    const { runId } = await under.engine.start(flow, text, { facts: [fact, fact, fact] });
    assert.equal((await under.engine.wait(runId)).output, 2 * text.length);
    const facts = await under.facts();
    assert.deepEqual(
      facts.map(({ data }) => (data as { text: string }).text.length),
      Array.from({ length: 8 }, () => text.length),
    );
    const idempotency = { key: 'k', fingerprint: 'f', expiresAt: Date.now() + 60_000 };
    const [started, again] = [
      await under.engine.start(child, text, { idempotency, facts: [fact, fact] }),
      await under.engine.start(child, text, { idempotency, facts: [fact, fact] }),
    ];
    assert.equal(started.runId, again.runId);
    assert.equal((await under.facts()).length, 10);
  });

  test('a run that is terminated tells the large facts that no invocation came to write', async (context) => {
    const flow = flowOf('tells', async (step) => {
      await step.run('says', (told) => {
        told.record({ type: 'told', subject: 'subject', data: { text: 'x'.repeat(100_000) } });
      });
      await step.waitForSignal('never');
    });
    const { engine, facts } = await lambda({}).open(context, [flow]);
    const { runId } = await engine.start(flow, {});
    await untilStatus(engine, runId, 'waiting');
    await engine.terminate(runId);
    assert.equal((await facts()).length, 1);
  });

  test('an execution that was started and not noted is noted by the run', async (context) => {
    const flow = flowOf('unnoted', async () => 'here');
    const { service, engine } = await lambda({}).open(context, [flow]);
    const runId = uuidv7();
    const request = { runId, flow: flow.name, version: 1, input: {}, createdAt: Date.now(), facts: [] };
    await service.start(runId, JSON.stringify(request));
    await eventually('it is there', async () => (await engine.get(runId)) !== undefined);
    assert.equal((await engine.wait(runId)).output, 'here');
  });
});

describe('lambda: what was left half done is finished by whoever comes next', () => {
  const waits = flowOf('waits', async (step, input) => [input, (await step.waitForSignal('go')).payload]);

  test('a run that had ended, and could not tell the one that waits for it', async (context) => {
    const child = flowOf('child', async () => 'output');
    const parent = flowOf('parent', (step) => step.call('asks', child, {}));
    let failures = 3;
    const through = (service: LambdaApi): LambdaApi => ({
      start: (...start) => service.start(...start),
      stop: (...stop) => service.stop(...stop),
      get: (arn) => service.get(arn),
      history: (arn) => service.history(arn),
      completeCallback: async (id, result) => {
        if (result.includes('output') && failures-- > 0) throw new Error('AWS is away');
        return service.completeCallback(id, result);
      },
    });
    const { engine } = await lambda({}, {}, through).open(context, [parent, child]);
    const run = await runToEnd(engine, parent);
    assert.deepEqual([run.status, run.output], ['succeeded', 'output']);
    assert.equal(failures, -1);
  });

  test('a key that was taken for a run that was never started', async (context) => {
    const { engine, records } = await lambda({}).open(context, [waits]);
    const [runId, expiresAt, createdAt] = [uuidv7(), Date.now() + 60_000, Date.now()];
    const request = { runId, flow: 'waits', version: 1, input: 'first', createdAt, facts: [] };
    const holder: KeyRecord = { runId, fingerprint: 'f', expiresAt, request };
    await records.write(recordKeys.idempotency('k'), 0, holder);
    const started = await engine.start(waits, 'first', {
      idempotency: { key: 'k', fingerprint: 'f', expiresAt },
    });
    assert.deepEqual(started, { runId, created: false, input: 'first' });
    await engine.signal(runId, 'go', 1);
    assert.deepEqual((await engine.wait(runId)).output, ['first', 1]);
  });

  test('a value whose writing was heard of only the second time is sent once', async (context) => {
    const { engine, records } = await lambda({}).open(context, [waits]);
    const runId = uuidv7();
    const key = recordKeys.inbox(runId, 'go', 1);
    const { write } = records;
    let lost = 0;
    records.write = async (...written) => {
      const isWritten = await write.apply(records, written);
      if (written[0] !== key || lost > 0) return isWritten;
      lost += 1;
      return false;
    };
    assert.equal(await engine.signal(runId, 'go', 'once'), 'kept');
    await engine.start(waits, 'input', { runId });
    assert.deepEqual((await engine.wait(runId)).output, ['input', 'once']);
    assert.equal(lost, 1);
    assert.equal(await records.read(recordKeys.inbox(runId, 'go', 2)), undefined);
  });

  test('a value that was written, and did not reach the run that waits for it', async (context) => {
    const { engine, records } = await lambda({}).open(context, [waits]);
    const { runId } = await engine.start(waits, 'input');
    const key = recordKeys.inbox(runId, 'go', 1);
    await eventually('it waits', async () => (await records.read(key)) !== undefined);
    const { version, value } = (await records.read(key))!;
    await records.write(key, version, { ...(value as InboxRecord), value: { payload: 'half' } });
    assert.equal(await engine.signal(runId, 'go', 'another', { occurrence: 1 }), 'duplicate');
    assert.deepEqual((await engine.wait(runId)).output, ['input', 'half']);
  });

  test('a run whose execution was ended in AWS, by somebody or by its time', async (context) => {
    const parent = flowOf('parent', (step) =>
      step.call('asks', waits, {}).catch((error: SignalboxError) => [error.code, error.message]),
    );
    const { engine, service, records } = await lambda({}).open(context, [parent, waits]);
    const { runId } = await engine.start(parent, {});
    await untilStatus(engine, runId, 'waiting');
    const childRunId = (await engine.history(runId))[0]!.childRunId!;
    await untilStatus(engine, childRunId, 'waiting');
    assert.equal((await (engine as LambdaEngine).reconcile()).ended, 0);
    const { arn } = (await records.read(recordKeys.run(childRunId)))!.value as RunRecord;
    await service.stop(arn!, { type: 'operator', message: 'in the console' });
    assert.equal((await (engine as LambdaEngine).reconcile()).ended, 1);
    assert.equal((await engine.get(childRunId))!.status, 'cancelled');
    const known = await (engine as LambdaEngine).knownRuns([runId, uuidv7()]);
    assert.deepEqual([...known], [runId]);
    const [code, message] = (await engine.wait(runId)).output as [string, string];
    assert.equal(code, 'run_cancelled');
    assert.match(message, /STOPPED: in the console/);
    assert.equal((await (engine as LambdaEngine).reconcile()).ended, 0);
  });

  test('a run that was to be started anew, and was not', async (context) => {
    let fails = true;
    const flow = flowOf('fails-first', async (_, input) => {
      if (fails) throw new Error('no');
      return input;
    });
    const { engine, records } = await lambda({}).open(context, [flow]);
    const { runId } = await runToEnd(engine, flow, 'input');
    fails = false;
    const key = recordKeys.run(runId);
    const { version, value } = (await records.read(key))!;
    const noted = uuidv7();
    await records.write(
      key,
      version,
      { ...(value as object), restartedAs: noted },
      { list: 'failed-restarted' },
    );
    assert.equal((await engine.restart(runId)).runId, noted);
    assert.equal((await engine.wait(noted)).output, 'input');
  });
});

describe('the service of the tests', () => {
  const handler = async () => ({ Status: 'PENDING' }) as DurableExecutionInvocationOutput;

  test('ends an execution that waits for nothing', async () => {
    const service = new DurableService();
    service.deploy(handler);
    const { arn } = await service.start('name', '{}');
    await eventually('it has failed', async () => (await service.get(arn))?.status === 'FAILED');
    service.close();
  });

  test('starts a name once until it is forgotten, and takes no other payload under it', async () => {
    const service = new DurableService();
    service.deploy(handler);
    const { arn } = await service.start('name', '{}');
    assert.equal((await service.start('name', '{}')).arn, arn);
    await assert.rejects(service.start('name', '{"other":1}'), { code: 'conflict' });
    await assert.rejects(service.start('a name', '{}'), /ValidationException/);
    await eventually('it has failed', async () => (await service.get(arn))?.status === 'FAILED');
    service.moveClock(15 * 86_400_000);
    assert.notEqual((await service.start('name', '{"other":1}')).arn, arn);
    service.close();
  });
});
