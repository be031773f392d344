import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Type } from 'typebox';
import { createTestApp, type TestApp, type TestAppOptions } from '../../../test/fixtures/app.ts';
import { untilStatus } from '../../engine/contract/harness.ts';
import { defineFlow } from '../../engine/flow.ts';

/** Waits for as many approvals as it is told, or fails. */
const review = defineFlow({
  name: 'review',
  version: 1,
  input: Type.Object({ account: Type.String(), approvals: Type.Integer({ minimum: 0 }) }),
  output: Type.Array(Type.Unknown()),
  async run(step, { account, approvals }) {
    if (account === 'broken') throw new Error('no such account');
    const seen: unknown[] = [];
    while (seen.length < approvals) seen.push((await step.waitForSignal('approval')).payload);
    return seen;
  },
});

const input = (approvals = 0, account = 'IXIS') => ({ account, approvals });
const body = (fields: object = {}) => ({ definition_id: 'review', input_data: input(), ...fields });
const local = { host: 'localhost' };

const createApp = (options: TestAppOptions = {}): Promise<TestApp> =>
  createTestApp({ offeredFlows: [review], ...options });

const post = (app: TestApp, url: string, payload?: object | string, headers: Record<string, string> = {}) =>
  app.server.inject({
    method: 'POST',
    url,
    headers: { ...local, ...headers },
    ...(payload !== undefined && { payload }),
  });
const trigger = (app: TestApp, payload: object) => post(app, '/workflows/trigger', payload);
const get = async (app: TestApp, url: string) => (await app.server.inject({ url, headers: local })).json();

describe('POST /workflows/trigger', () => {
  test('starts a flow and says so as the contract has it', async () => {
    const app = await createApp({ clock: () => Date.parse('2026-08-14T09:18:33.360Z') });
    const answer = await trigger(app, body({ name: 'nightly', initiated_by: 'scheduler' }));
    assert.equal(answer.statusCode, 202);
    const { execution_id: id, ...rest } = answer.json();
    assert.deepEqual(rest, {
      success: true,
      definition_id: 'review',
      status: 'queued',
      queued_at: '2026-08-14T09:18:33.360Z',
    });
    await app.engine.wait(id);
    const found = await get(app, `/executions/${id}`);
    const { name, initiated_by: by, channel, status, output, input: given } = found;
    assert.deepEqual(
      { name, by, channel, status, output, given },
      {
        ...{ name: 'nightly', by: 'scheduler', channel: 'http' },
        ...{ status: 'succeeded', output: [], given: input() },
      },
    );
  });

  test('an execution id stands for one execution: fifty at once, and again later', async () => {
    const app = await createApp();
    const payload = body({ execution_id: 'order-123' });
    const answers = await Promise.all(Array.from({ length: 50 }, () => trigger(app, payload)));
    assert.deepEqual([...new Set(answers.map(({ statusCode }) => statusCode))], [202]);
    assert.equal(new Set(answers.map((answer) => answer.body)).size, 1, 'all hear the same');
    assert.equal(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined).length, 1);
    const labelled = await trigger(app, { ...payload, initiated_by: 'somebody else' });
    assert.equal(labelled.body, answers[0]!.body);
    const { executions } = await get(app, '/executions');
    assert.deepEqual(
      executions.map((one: { execution_id: string }) => one.execution_id),
      ['order-123'],
    );
    assert.notEqual(executions[0].run_id, 'order-123');
    assert.equal((await get(app, '/executions/order-123')).run_id, executions[0].run_id);
  });

  test('the same id for something else is refused', async () => {
    const app = await createApp();
    await trigger(app, body({ execution_id: 'once' }));
    for (const other of [
      { input_data: input(1) },
      { definition_id: 'query', input_data: { query: 'What?' } },
    ]) {
      const answer = await trigger(app, body({ execution_id: 'once', ...other }));
      assert.deepEqual([answer.statusCode, answer.json().code], [422, 'idempotency_key_reused']);
    }
  });

  test('an id that is a UUID stands for its execution, and never for the run of another', async () => {
    const app = await createApp();
    const uuid = '7d444840-9dc0-11d1-b245-5ffdce74fad2';
    await trigger(app, body({ execution_id: uuid }));
    assert.equal((await trigger(app, body({ execution_id: uuid }))).headers['idempotent-replayed'], 'true');
    const { run_id: runId } = await get(app, `/executions/${uuid}`);
    assert.notEqual(runId, uuid);
    for (const taken of [runId, runId.toUpperCase()]) {
      const answer = await trigger(app, body({ execution_id: taken }));
      assert.deepEqual([answer.statusCode, answer.json().errors[0].path], [422, '/execution_id']);
      assert.equal((await get(app, `/executions/${taken}`)).execution_id, uuid);
    }
  });

  test('is refused with every fault at its place', async () => {
    const app = await createApp();
    const refused = async (payload: object, status = 422) => {
      const answer = await trigger(app, payload);
      assert.equal(answer.statusCode, status, answer.body);
      return (answer.json().errors ?? []).map(({ path }: { path: string }) => path);
    };
    assert.deepEqual(await refused({}), ['/definition_id', '/input_data']);
    assert.deepEqual(await refused([]), ['/']);
    const wrong = { name: '\u0000', initiated_by: 7, execution_id: 'a/b', definition_id: '' };
    assert.deepEqual((await refused(body(wrong))).sort(), [
      ...['/definition_id', '/execution_id', '/initiated_by', '/name'],
    ]);
    for (const dots of ['.', '..']) {
      assert.deepEqual(await refused(body({ execution_id: dots })), ['/execution_id']);
    }
    assert.deepEqual(await refused(body({ definition_id: 'revue' })), ['/definition_id']);
    assert.deepEqual(await refused(body({ input_data: { account: 1 } })), [
      ...['/input_data', '/input_data/account'],
    ]);
    assert.deepEqual(await refused({ definition_id: 'query', input_data: {} }), ['/input_data/query']);
    const misspelt = await trigger(app, body({ execution_Id: 'x' }));
    assert.match(misspelt.json().detail, /did you mean execution_id/);
    assert.equal((await get(app, '/runs')).runs.length, 0, 'nothing was started');
  });

  test('takes null for what is left out, and any JSON that the flow takes', async () => {
    const app = await createApp();
    const nothing = { name: null, initiated_by: null, execution_id: null };
    assert.equal((await trigger(app, body(nothing))).statusCode, 202);
  });

  test('asks a question: the same conversation as by webhook', async () => {
    const app = await createApp();
    const query = { definition_id: 'query', input_data: { query: 'What is open?' }, initiated_by: 'crm' };
    const { execution_id: id } = (await trigger(app, { ...query, execution_id: 'ask-1' })).json();
    assert.equal(id, 'ask-1');
    const { run_id: runId } = await get(app, '/executions/ask-1');
    await app.engine.wait(runId);
    const conversation = await get(app, `/webhook/${runId}`);
    assert.deepEqual([conversation.query, conversation.source_system], ['What is open?', 'crm']);
    const events = await app.server.inject({ url: `/webhook/${runId}/events`, headers: local });
    assert.doesNotMatch(events.body, /WORKFLOW/);
  });

  test('needs the scope ingest; reading and steering need theirs', async () => {
    const app = await createApp({
      apiKeys: 'a:ingest:ingest-key-0123456789,b:read:read-key-0123456789,c:operate:operate-key-0123456789',
    });
    const as = (key: string) => ({ 'x-api-key': `${key}-key-0123456789` });
    const statuses = async (key: string) => {
      const started = await post(app, '/workflows/trigger', body({ execution_id: 'x' }), as(key));
      const listed = await app.server.inject({ url: '/executions', headers: as(key) });
      const cancelled = await post(app, '/executions/x/cancel', undefined, as(key));
      return [started.statusCode, listed.statusCode, cancelled.statusCode];
    };
    assert.deepEqual(await statuses('ingest'), [202, 403, 403]);
    assert.deepEqual(await statuses('read'), [403, 200, 403]);
    assert.equal((await statuses('operate'))[2], 200);
  });
});

describe('/executions', () => {
  test('lists what can be started, in pages, by status and definition', async () => {
    const app = await createApp();
    for (let index = 0; index < 3; index++) await trigger(app, body({ execution_id: `r-${index}` }));
    await trigger(app, body({ execution_id: 'waits', input_data: input(1) }));
    // Each question has the run of a delivery besides, which is no execution.
    for (let index = 0; index < 3; index++) {
      const { body: asked } = await app.ask();
      await app.engine.wait(asked.tracking_id);
    }
    const seen: string[] = [];
    let after = '';
    do {
      const page = await get(app, `/executions?limit=2${after}`);
      assert.ok(page.executions.length <= 2);
      seen.push(...page.executions.map((one: { execution_id: string }) => one.execution_id));
      after = page.next === null ? '' : `&after=${page.next}`;
    } while (after !== '');
    assert.equal(seen.length, 7);
    assert.deepEqual(seen.slice(3), ['waits', 'r-2', 'r-1', 'r-0']);
    const runId = (await get(app, '/executions/waits')).run_id;
    await untilStatus(app.engine, runId, 'waiting');
    const ids = async (query: string) =>
      (await get(app, `/executions?${query}`)).executions.map(
        (one: { execution_id: string }) => one.execution_id,
      );
    assert.deepEqual(await ids('status=waiting'), ['waits']);
    assert.equal((await ids('definition_id=review')).length, 4);
    assert.deepEqual(await ids('definition_id=delivery'), []);
    assert.equal((await get(app, '/executions?status=lost')).code, 'invalid_request');
  });

  test('an id that nothing has, and a run that is no execution, are 404', async () => {
    const app = await createApp();
    const { body: asked } = await app.ask();
    await app.engine.wait(asked.tracking_id);
    const delivery = (await get(app, '/runs?flow=delivery')).runs[0].run_id;
    for (const id of ['nothing', '00000000-0000-7000-8000-000000000000', delivery, 'a%2fb', '%00']) {
      const answer = await app.server.inject({ url: `/executions/${id}`, headers: local });
      assert.deepEqual([answer.statusCode, answer.json().code], [404, 'unknown_execution'], id);
    }
  });

  test('a cancelled one is tried again once, however often that is asked', async () => {
    const app = await createApp();
    await trigger(app, body({ execution_id: 'w', input_data: input(1) }));
    const retry = () => post(app, '/executions/w/retry');
    const early = await retry();
    assert.deepEqual([early.statusCode, early.json().code], [409, 'conflict']);
    assert.equal((await post(app, '/executions/w/cancel')).json().execution_id, 'w');
    const { run_id: runId } = await get(app, '/executions/w');
    await app.engine.wait(runId);
    assert.equal((await post(app, '/executions/w/cancel')).json().status, 'cancelled');
    const [first, second] = [await retry(), await retry()];
    assert.deepEqual([first.statusCode, second.statusCode], [202, 202]);
    assert.equal(first.body, second.body);
    assert.deepEqual(
      [first, second].map(({ headers }) => headers['idempotent-replayed']),
      [undefined, 'true'],
    );
    const { execution_id: again, ...rest } = first.json();
    assert.deepEqual(rest, { success: true, definition_id: 'review', retry_of: 'w', status: 'queued' });
    assert.notEqual(again, runId);
    assert.equal((await get(app, '/executions/w')).retried_as, again);
    assert.equal((await get(app, `/executions/${again}`)).retry_of, runId);
  });

  test('a signal that is sent again under its key counts once', async () => {
    const app = await createApp();
    await trigger(app, body({ execution_id: 's', input_data: input(2) }));
    const signal = (payload: object, key?: string) =>
      post(
        app,
        '/executions/s/signals/approval',
        payload,
        key === undefined ? {} : { 'idempotency-key': key },
      );
    const first = await signal({ by: 'kim' }, 'click-1');
    assert.equal(first.statusCode, 202);
    assert.ok(['kept', 'delivered'].includes(first.json().outcome));
    const second = await signal({ by: 'kim' }, 'click-1');
    assert.deepEqual([second.json().outcome, second.headers['idempotent-replayed']], ['duplicate', 'true']);
    await signal({ by: 'ana' });
    const { run_id: runId } = await get(app, '/executions/s');
    assert.deepEqual((await app.engine.wait(runId)).output, [{ by: 'kim' }, { by: 'ana' }]);
    const late = await signal({ by: 'late' });
    assert.deepEqual([late.statusCode, late.json().code], [409, 'run_ended']);
    assert.equal((await signal({ by: 'kim' }, 'click-1')).json().outcome, 'duplicate');
    const empty = await post(app, '/executions/s/signals/approval', undefined, { 'idempotency-key': '' });
    assert.equal(empty.statusCode, 422);
  });
});
