import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';
import { seededRandom } from '../src/engine/contract/random.ts';
import { DurableService, type Handler } from './fixtures/durable-service.ts';
import { type LambdaServer, startLambdaServer } from './fixtures/lambda-server.ts';
import { type Collector, startCollector } from './fixtures/otlp-collector.ts';
import { columnsWith } from './fixtures/postgres-search.ts';
import {
  noPostgres,
  postgresPrograms,
  startTestPostgres,
  type TestPostgres,
} from './fixtures/postgres-server.ts';
import { answer, type Receiver, startReceiver } from './fixtures/receiver.ts';
import { type S3Server, startS3Server } from './fixtures/s3-server.ts';
import { type ServerProcess, startServer } from './fixtures/server-process.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`Not within thirty seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A gateway as a process, the example's handler, and AWS's service on loopback, which cuts one in four checkpoints off. */
describe('Signalbox on AWS Lambda', {
  timeout: 120_000,
  skip: postgresPrograms() === undefined && noPostgres,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-lambda-'));
  const random = seededRandom(11);
  const service = new DurableService(':memory:', { cutOff: () => cutsOff && random() < 0.25 });
  let cutsOff = true;
  let [postgres, receiver, lambda, s3] = [] as unknown as [TestPostgres, Receiver, LambdaServer, S3Server];
  let collector: Collector;
  let variables: Record<string, string>;
  let handler: Handler;
  let close: (() => Promise<void>) | undefined;
  let gateway: ServerProcess;

  before(async () => {
    [postgres, receiver, lambda, s3] = await Promise.all([
      startTestPostgres(),
      startReceiver({ secret }),
      startLambdaServer(service, 'signalbox'),
      startS3Server(),
    ]);
    collector = await startCollector();
    variables = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      SIGNALBOX_ENGINE: 'lambda',
      SIGNALBOX_LAMBDA_FUNCTION: 'signalbox:live',
      DATABASE_URL: await postgres.createDatabase(),
      SIGNALBOX_OBJECTS_URL: 's3://bucket/signalbox',
      SIGNALBOX_S3_ENDPOINT: s3.endpoint,
      SIGNALBOX_WEBHOOK_SECRETS: secret,
      WEBHOOK_URL: receiver.url,
      SIGNALBOX_DELIVERY_SCHEDULE: '1s',
      AWS_ENDPOINT_URL_LAMBDA: lambda.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      LOG_LEVEL: 'silent',
    };
    gateway = await startGateway();
    Object.assign(process.env, variables, { SIGNALBOX_DATA_DIR: join(folder, 'function') });
    ({ handler, close } = await import('../examples/lambda/handler.ts'));
  });
  after(async () => {
    await gateway?.kill();
    service.close();
    await close?.();
    const closing = [postgres, receiver, lambda, s3, collector].map((each) => each?.close());
    await Promise.all(closing);
    rmSync(folder, { recursive: true });
  });

  const startGateway = () =>
    startServer({ ...variables, SIGNALBOX_ROLE: 'gateway', SIGNALBOX_DATA_DIR: join(folder, 'gateway') });

  const ask = (key: string, more: object = {}, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
      body: JSON.stringify({
        query: 'How many accounts are there?',
        source_system: 'test',
        source_process: key,
        timestamp: '2026-08-14T09:18:33.360Z',
        ...more,
      }),
    });

  const statusOf = async (trackingId: string) => {
    const found = await fetch(`${gateway.url}/webhook/${trackingId}`);
    return found.ok ? ((await found.json()) as { status: string }).status : `${found.status}`;
  };

  const deliveriesOf = (trackingId: string) =>
    receiver.received.filter(
      ({ body }) => (JSON.parse(body) as { tracking_id: string }).tracking_id === trackingId,
    );

  /** Delivered, under one id, each time with a good signature; and one execution for it, whatever happened. */
  const isDelivered = async (trackingId: string) => {
    await until('it is delivered', async () => (await statusOf(trackingId)) === 'delivered');
    const deliveries = deliveriesOf(trackingId);
    assert.equal(new Set(deliveries.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.ok(deliveries.every(({ verified }) => verified));
  };

  const list = async (path: string) =>
    ((await (await fetch(`${gateway.url}${path}`)).json()) as { conversations?: { tracking_id: string }[] })
      .conversations ?? [];

  test("the handler answers on the vendor's local runner, and elsewhere finds that it has", async () => {
    const { tracking_id: trackingId } = (await (await ask('vendor')).json()) as { tracking_id: string };
    await LocalDurableTestRunner.setupTestEnvironment({ skipTime: false });
    const runner = new LocalDurableTestRunner({ handlerFunction: handler });
    const result = await runner.run({ payload: JSON.parse(lambda.payloads.at(-1)!) });
    await LocalDurableTestRunner.teardownTestEnvironment();
    assert.equal(result.getStatus(), 'SUCCEEDED');
    service.deploy(handler);
    await isDelivered(trackingId);
    service.kill();
  });

  test('what is accepted is answered, though the gateway is killed and invocations are cut off', async () => {
    const accepted = await ask('killed after');
    const first = await accepted.text();
    assert.equal(accepted.status, 202, first);
    const { tracking_id: trackingId } = JSON.parse(first) as { tracking_id: string };
    assert.equal(await statusOf(trackingId), 'queued', 'nothing executes yet');
    await gateway.kill();
    service.deploy(handler);
    await until('it is delivered', async () => deliveriesOf(trackingId).length > 0);
    gateway = await startGateway();
    await isDelivered(trackingId);
    const again = await ask('killed after');
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [202, 'true']);
    assert.equal(await again.text(), first);
    assert.equal((await ask('killed after', { query: 'Another one?' })).status, 422);
    assert.ok(service.invoked > 4, `${service.invoked} invocations`);
  });

  for (const place of ['before', 'after'] as const) {
    test(`killed ${place} AWS has the start of the run, a gateway has answered nothing, and the repetition is the one run`, async () => {
      lambda.around[place] = async () => {
        lambda.around[place] = undefined;
        await gateway.kill();
      };
      const key = `killed ${place} the start`;
      await assert.rejects(ask(key));
      gateway = await startGateway();
      const accepted = await ask(key);
      assert.equal(accepted.status, 202);
      const { tracking_id: trackingId } = (await accepted.json()) as { tracking_id: string };
      await isDelivered(trackingId);
      const conversations = await list(`/conversations?source_process=${encodeURIComponent(key)}`);
      assert.deepEqual(
        conversations.map((each) => each.tracking_id),
        [trackingId],
      );
    });
  }

  test('a question is one trace, of the gateway and of the function', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const accepted = await ask('traced', {}, { traceparent });
    const { tracking_id: trackingId } = (await accepted.json()) as { tracking_id: string };
    await isDelivered(trackingId);
    const spans = () => collector.spans.filter((span) => span.traceId === traceId);
    // An invocation that was cut off tells what it did once more, under the same ids.
    const one = (name: string) => spans().find((span) => span.name === name);
    // The gateway and the function tell theirs each in its own time.
    const names = ['flow query', 'invoke_agent analyst', 'flow delivery', 'POST'];
    const areThere = () => ['POST /webhook', ...names].every((name) => one(name) !== undefined);
    await until('its spans are there', areThere);
    const parents = names.map((name) => {
      const { parentSpanId } = one(name)!;
      return spans().find(({ spanId }) => spanId === parentSpanId)?.name;
    });
    assert.deepEqual(parents, ['POST /webhook', 'flow query', 'flow query', 'flow delivery']);
    assert.equal(one('POST /webhook')?.parentSpanId, 'b7ad6b7169203331');
    const told = deliveriesOf(trackingId).map(({ headers }) => String(headers.traceparent).split('-')[2]);
    const attempts = spans().filter(({ name }) => name === 'POST');
    assert.ok(attempts.every(({ spanId }) => told.includes(spanId)));
  });

  test('a question with more beside it than AWS takes goes by the bucket', async () => {
    const accepted = await ask('large', { attachment: 'x'.repeat(700_000) });
    assert.equal(accepted.status, 202, await accepted.clone().text());
    const { tracking_id: trackingId } = (await accepted.json()) as { tracking_id: string };
    await isDelivered(trackingId);
    assert.ok([...s3.objects.keys()].some((key) => key.startsWith('signalbox/values/')));
  });

  test('what is erased is in no column and no object of ours', async () => {
    const marker = 'Zebulon';
    const accepted = await ask('erased', { customer: marker, attachment: marker.repeat(100_000) });
    const { tracking_id: id } = (await accepted.json()) as { tracking_id: string };
    await isDelivered(id);
    const kept = () => columnsWith(variables.DATABASE_URL!, marker);
    const objects = () => [...s3.objects].filter(([, { body }]) => body.includes(marker)).map(([key]) => key);
    assert.ok((await kept()).includes('events.data'));
    assert.notDeepEqual(objects(), []);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const erasing = await fetch(`${gateway.url}/conversations/erase`, {
      ...post,
      body: JSON.stringify({ id }),
    });
    assert.equal(erasing.status, 202, await erasing.clone().text());
    const { run_ids: runIds } = (await erasing.json()) as { run_ids: string[] };
    await until('it is erased', async () => {
      const { status } = (await (await fetch(`${gateway.url}/runs/${runIds[0]}`)).json()) as {
        status: string;
      };
      return status === 'succeeded';
    });
    assert.deepEqual([await kept(), objects()], [[], []]);
    assert.ok(s3.objects.has(`signalbox/erasures/${runIds[0]}.json`));
  });

  test('a dead letter whose replay was killed on the way is started anew once', async () => {
    // Attempts that are made again would open the circuit breaker.
    cutsOff = false;
    receiver.otherwise(answer(500));
    const { tracking_id: trackingId } = (await (await ask('dead')).json()) as { tracking_id: string };
    await until('it has failed', async () => (await statusOf(trackingId)) === 'delivery_failed');
    receiver.otherwise(answer(200));
    cutsOff = true;
    let runId: string | undefined;
    await until('it is a dead letter', async () => {
      const letters = await (await fetch(`${gateway.url}/dead-letters`)).text();
      [runId] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(letters) ?? [];
      return runId !== undefined;
    });
    const replay = () => fetch(`${gateway.url}/dead-letters/${runId}/replay`, { method: 'POST' });
    lambda.around.before = async () => {
      lambda.around.before = undefined;
      await gateway.kill();
    };
    await assert.rejects(replay());
    gateway = await startGateway();
    await replay();
    await isDelivered(trackingId);
    assert.equal((await replay()).status, 409);
  });
});
