import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  noServer,
  type RestateServer,
  restateBinary,
  startRestateServer,
} from '../../../test/fixtures/restate-server.ts';
import { freePort } from '../../../test/fixtures/server-process.ts';
import { createFolderObjects } from '../../objects/folder.ts';
import { engineContract } from '../contract/contract.ts';
import { type EngineHarness, eventually, flowOf, runToEnd, untilStatus } from '../contract/harness.ts';
import { seededRandom } from '../contract/random.ts';
import { operationLimit, type StampedFact } from '../engine.ts';
import { silentObserver } from '../observer.ts';
import { RestateEngine, type RestateOptions } from './engine.ts';

let server: RestateServer;
let installations = 0;

function restate(skip: Record<string, string>, options: Partial<RestateOptions> = {}): EngineHarness {
  return {
    skip,
    async open(test, firstFlows) {
      const namespace = `test-${++installations}`;
      const workerPort = await freePort();
      const facts = new Map<string, StampedFact>();
      const folder = mkdtempSync(join(tmpdir(), 'signalbox-restate-'));
      test.after(() => rmSync(folder, { recursive: true, force: true }));
      const objects = createFolderObjects(folder);
      const start = async (flows: RestateOptions['flows']) => {
        const engine = new RestateEngine({
          ingressUrls: [server.ingressUrl],
          adminUrl: server.adminUrl,
          namespace,
          flows,
          workerHost: '127.0.0.1',
          workerPort,
          identityKeys: [],
          keeping: { retentionMs: 3_600_000, longestRetryMs: 200 },
          appendFacts: async (some) => {
            for (const fact of some) if (!facts.has(fact.id)) facts.set(fact.id, fact);
          },
          observer: silentObserver,
          objects,
          ...options,
        });
        await engine.open();
        await engine.registered();
        return engine;
      };
      let flows = firstFlows;
      let engine = await start(flows);
      test.after(() => engine.stop(0));
      return {
        objects,
        get engine() {
          return engine;
        },
        facts: async () => [...facts.values()],
        restart: async (otherFlows) => {
          await engine.stop(0);
          flows = otherFlows ?? flows;
          engine = await start(flows);
          return engine;
        },
      };
    },
  };
}

const noOrder = 'Restate hands runs over in no particular order; priorities are taken and have no effect';

const skipped = {
  'more operations than the limit end the run with a clear error':
    'the journal is replayed after each of 3,000 operations, which takes minutes; the limit has a test of its own',
  'cancel while queued ends a run that has not begun':
    'a run that waits for its turn in a process has begun for Restate; it is cancelled when its turn has come',
  'at most so many runs of a flow execute at once, and other flows have their turn':
    'Restate hands runs over in no particular order; the limit in one process has a test of its own',
  'a higher priority goes first, equal ones in the order in which they came, also after a restart': noOrder,
  'who waits a minute goes before a priority that is one higher': noOrder,
  'changed arguments change nothing that the journal has':
    'Restate compares the input of a call with its journal as well: another one pauses the run with `flow_changed`',
  'a branch that fails does not wait for the others, which are recorded all the same':
    'in request/response mode the flow hears what has become durable once none of its steps executes',
  'as many operations as the limit pass, ten thousand at once are refused':
    '3,000 steps at once take one node more than a minute; the limit has a test of its own',
};

describe('restate', { skip: restateBinary() === undefined && noServer }, () => {
  before(async () => {
    server = await startRestateServer();
  });
  after(() => server.close());

  engineContract('restate', restate(skipped));

  test('what is skipped stands in the documentation', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/engines.md'), 'utf8');
    for (const [title, reason] of Object.entries(skipped))
      assert.ok(page.includes(`| ${title} | ${reason} |`), title);
  });

  test('more operations at once than the limit end the run with a clear error', async (context) => {
    const flow = flowOf('endless', (step) =>
      Promise.all(Array.from({ length: operationLimit + 1 }, (_, n) => step.sleep(`${n}`, 3_600_000))),
    );
    const { engine } = await restate({}).open(context, [flow]);
    assert.equal((await runToEnd(engine, flow)).error!.code, 'too_many_operations');
  });

  test('a process executes at most so many runs of a flow at once, and other flows have their turn', async (context) => {
    let [running, most, others] = [0, 0, 0];
    const flood = flowOf(
      'flood',
      (step) =>
        step.run('work', async () => {
          running += 1;
          most = Math.max(most, running);
          await eventually('the other flow has its turn', () => others > 0);
          running -= 1;
        }),
      1,
      3,
    );
    const other = flowOf('other', (step) => step.run('work', async () => others++));
    const { engine } = await restate({}).open(context, [flood, other]);
    const runs = await Promise.all(Array.from({ length: 20 }, (_, n) => engine.start(flood, n)));
    await eventually('there is no place left', () => running === 3);
    await runToEnd(engine, other);
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).status, 'succeeded');
    assert.equal(most, 3);
  });

  test('an installation may take the port that another one had', async (context) => {
    const flow = flowOf('neighbour', async () => 'here');
    const workerPort = await freePort();
    for (let installation = 0; installation < 2; installation++) {
      const { engine } = await restate({}, { workerPort }).open(context, [flow]);
      assert.equal((await runToEnd(engine, flow)).output, 'here');
      await engine.stop(0);
    }
  });

  test('a request goes to the next node when one is away', async (context) => {
    const flow = flowOf('anywhere', async () => 'here');
    const dead = `http://127.0.0.1:${await freePort()}`;
    const under = await restate({}, { ingressUrls: [dead, server.ingressUrl] }).open(context, [flow]);
    const runs = await Promise.all(Array.from({ length: 32 }, () => under.engine.start(flow, {})));
    for (const { runId } of runs) assert.equal((await under.engine.wait(runId)).output, 'here');
  });

  test('facts of a start that was not answered are written by the run, and once', async (context) => {
    const fact = { type: 'asked', subject: 'subject', data: {} };
    const written: string[] = [];
    let failing = true;
    const appendFacts = async (facts: readonly StampedFact[]) => {
      if (failing) throw new Error('the store is away');
      for (const { id } of facts) if (!written.includes(id)) written.push(id);
    };
    const seen: number[] = [];
    const flow = flowOf('asks', (step) => step.run('sees', () => void seen.push(written.length)));
    const { engine } = await restate({}, { appendFacts }).open(context, [flow]);
    const runId = '019a0000-0000-7000-8000-0000000000aa';
    await assert.rejects(engine.start(flow, {}, { runId, facts: [fact] }), /the store is away/);
    failing = false;
    assert.equal((await engine.wait(runId)).status, 'succeeded');
    assert.deepEqual([written, seen], [[`${runId}/start/0`], [1]]);
    assert.equal((await engine.start(flow, {}, { runId, facts: [fact] })).created, false);
  });

  test('no fact is lost or doubled while processes end and the store fails', async (context) => {
    const random = seededRandom(20_261_121);
    const written: string[] = [];
    const appendFacts = async (facts: readonly StampedFact[]) => {
      if (random() < 0.04) throw new Error('the store is away');
      for (const { type } of facts) written.push(type);
      if (random() < 0.02) throw new Error('the store did not answer');
    };
    const fact = (type: string) => ({ type, subject: 'subject', data: {} });
    const child = flowOf('child', async () => null);
    const flow = flowOf('tells', async (step, input) => {
      const tell = (name: string) => step.run(name, (attempt) => attempt.record(fact(`${input} ${name}`)));
      for (let n = 0; n < 3; n++) await tell(`first ${n}`);
      const options = { facts: [fact(`${input} child`)] };
      const many = Array.from({ length: 70 }, (_, n) => tell(`many ${n}`));
      await Promise.all([step.call('asks', child, {}, options), ...many, step.sleep('a moment', 30)]);
      await tell('last');
    });
    const under = await restate({}, { appendFacts }).open(context, [flow, child]);
    const runs = await Promise.all(Array.from({ length: 6 }, (_, n) => under.engine.start(flow, `run ${n}`)));
    for (let lives = 0; lives < 5; lives++) {
      const enough = written.length + 40;
      await eventually(
        'some facts are written',
        () => written.length > enough || new Set(written).size === 6 * 75,
      );
      await under.restart();
    }
    for (const { runId } of runs) assert.equal((await under.engine.wait(runId)).status, 'succeeded');
    assert.equal(new Set(written).size, 6 * 75);
  });

  test('a value that has ended a step is on the record when the run is terminated before it could write it', async (context) => {
    let away = true;
    const written: string[] = [];
    const appendFacts = async (facts: readonly StampedFact[]) => {
      if (away) throw new Error('the store is away');
      for (const { type } of facts) written.push(type);
    };
    const told = { type: 'told', subject: 'subject', data: {} };
    const flow = flowOf('told', async (step) => {
      await step.run('tells', (attempt) => attempt.record(told));
      await step.waitForSignal('never');
    });
    const { engine } = await restate({}, { appendFacts }).open(context, [flow]);
    const { runId } = await engine.start(flow, {});
    await eventually(
      'the step has ended',
      async () => (await engine.history(runId))[0]?.status === 'succeeded',
    );
    away = false;
    assert.equal(await engine.terminate(runId), 'cancelled');
    assert.ok(written.includes('told'));
  });

  test('two processes behind one address: what one began goes on in the other, and both may be asked', async (context) => {
    const ports: [number, number] = [await freePort(), await freePort()];
    const balancer = await balance(ports);
    context.after(() => balancer.close());
    const flow = flowOf('anywhere', async (step, input) => {
      await step.run('before', () => null);
      const { payload } = await step.waitForSignal('go');
      return step.run('after', () => [input, payload]);
    });
    const namespace = 'two-processes';
    const [first, second] = await Promise.all(
      ports.map((workerPort) =>
        restate({}, { namespace, workerPort, workerUrl: balancer.url }).open(context, [flow]),
      ),
    );
    const runs = await Promise.all(Array.from({ length: 20 }, (_, n) => first!.engine.start(flow, n)));
    for (const { runId } of runs) await untilStatus(second!.engine, runId, 'waiting');
    await first!.engine.stop(0);
    for (const { runId } of runs) await second!.engine.signal(runId, 'go', 'second');
    for (const [n, { runId }] of runs.entries()) {
      assert.deepEqual((await second!.engine.wait(runId)).output, [n, 'second']);
    }
  });

  test('a process serves only what Restate has signed, when it knows its key', async (context) => {
    const key = identityKey();
    const signing = await startRestateServer({ identityKeyPem: key.pem });
    context.after(() => signing.close());
    const flow = flowOf('signed', async () => 'served');
    const { ingressUrl, adminUrl } = signing;
    const serve = (identityKeys: readonly string[], workerPort: number) =>
      restate({}, { ingressUrls: [ingressUrl], adminUrl, identityKeys, workerPort }).open(context, [flow]);
    const workerPort = await freePort();
    const { engine } = await serve([key.publicKey], workerPort);
    assert.equal((await runToEnd(engine, flow)).output, 'served');
    const session = connect(`http://127.0.0.1:${workerPort}`);
    const request = session.request({ ':path': '/journal/1/discover', accept: 'application/json' });
    const [headers] = (await once(request, 'response')) as [IncomingHttpHeaders];
    assert.equal(headers[':status'], 401);
    session.destroy();
  });

  test('SIGKILL of the server: nothing is lost, a request waits for it to come back', async (context) => {
    const calls: string[] = [];
    const flow = flowOf('goes-on', async (step, input) => {
      await step.run('before', () => calls.push(`before ${input}`));
      const { payload } = await step.waitForSignal('go');
      return step.run('after', () => payload);
    });
    const { engine } = await restate({}).open(context, [flow]);
    const runs = await Promise.all(Array.from({ length: 20 }, (_, n) => engine.start(flow, n)));
    for (const { runId } of runs) await untilStatus(engine, runId, 'waiting');
    await server.kill();
    const started = engine.start(flow, 'while it was down');
    await server.start();
    runs.push(await started);
    for (const { runId } of runs) await engine.signal(runId, 'go', runId);
    for (const { runId } of runs) assert.equal((await engine.wait(runId)).output, runId);
    assert.equal(new Set(calls).size, 21);
  });
});

/** A key for Restate, with its public half in the form that Restate logs: base58 of the 32 bytes. */
function identityKey(): { pem: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bytes = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let [text, rest] = ['', BigInt(`0x${bytes.toString('hex')}`)];
  for (; rest > 0n; rest /= 58n) text = alphabet[Number(rest % 58n)] + text;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { pem, publicKey: `publickeyv1_${text}` };
}

/** Gives each connection to the first port that takes it. */
async function balance(ports: readonly number[]): Promise<{ url: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const open = (index: number) => {
      const port = ports[index];
      if (port === undefined) return void from.destroy();
      const to = createConnection(port, '127.0.0.1');
      sockets.add(to);
      to.once('error', () => open(index + 1));
      to.once('connect', () => from.pipe(to).pipe(from));
      to.once('close', (failed) => !failed && from.destroy());
    };
    sockets.add(from);
    from.once('error', () => from.destroy());
    open(0);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
