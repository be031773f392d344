import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createTestApp, type TestApp } from '../../../test/fixtures/app.ts';
import { conversations } from '../../cli/conversations.ts';
import { runCommand } from '../../cli/run.ts';
import { readConfig } from '../../config/config.ts';
import { flowOf } from '../../engine/contract/harness.ts';
import { event } from '../../record/events.ts';
import { aLife } from '../../store/contract/life.ts';

const get = async (app: TestApp, url: string) => {
  const response = await app.server.inject({ url, headers: { host: 'localhost' } });
  return { status: response.statusCode, text: response.body };
};
const json = async (app: TestApp, url: string) => {
  const { status, text } = await get(app, url);
  return { status, body: JSON.parse(text) };
};

interface Entry {
  readonly kind: string;
  readonly name: string;
  readonly started_at: string;
  readonly detail: object;
}
const keyOf = (entry: Entry) => JSON.stringify([entry.kind, entry.name, entry.started_at, entry.detail]);

/** A conversation whose delivery was started anew for years. */
async function delivered(attempts: number) {
  const app = await createTestApp();
  const { body } = await app.ask();
  const { tracking_id: trackingId } = body;
  await app.engine.wait(trackingId);
  const facts = Array.from({ length: attempts }, (_, index) => ({
    ...event('WEBHOOK_DELIVERY_FAILED', trackingId, {
      ...{ conversationId: body.tracking.conversation_id, deliveryId: body.tracking.delivery_id },
      ...{ sourceSystem: 'crm', sourceProcess: 'p', webhookType: 'general' },
      ...{ attempt: index + 1, webhookUrl: 'http://127.0.0.1:9/', statusCode: 500, responseTimeMs: 1 },
      ...{ reason: `no ${index + 1}`, nextAttemptAt: null, answered: true },
    }),
    id: `${trackingId}/again/${index}`,
    // Clocks are set back.
    at: Date.now() + (index % 7) * 1_000,
  }));
  await app.store.append(facts);
  return { app, trackingId, path: `/conversations/${trackingId}/timeline` };
}

async function allPages(app: TestApp, path: string, limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = ''; ; ) {
    const { body, status } = await json(app, `${path}?limit=${limit}${after && `&after=${after}`}`);
    assert.equal(status, 200, JSON.stringify(body));
    entries.push(...body.timeline);
    if (body.next === null) return entries;
    after = body.next;
  }
}

test('pages of a timeline have everything once, however long it is', async () => {
  const { app, path } = await delivered(30);
  const whole = await json(app, path);
  assert.deepEqual([whole.body.next, whole.body.more_runs], [null, false]);
  const keys = whole.body.timeline.map(keyOf).toSorted();
  assert.ok(keys.some((key: string) => key.includes('"step"')));
  for (const limit of [1, 2, 7, 1_000]) {
    assert.deepEqual((await allPages(app, path, limit)).map(keyOf).toSorted(), keys, `pages of ${limit}`);
  }
});

test('what a page cannot have of more than a thousand events is on the next one', async () => {
  const { app, path, trackingId } = await delivered(1_100);
  const { body } = await json(app, path);
  assert.match(body.next, /^\d+\.\d+$/);
  const attempts = (await allPages(app, path, 1_000)).filter(({ kind }) => kind === 'delivery_attempt');
  assert.equal(attempts.length, 1_100);
  const page = await get(app, `/page/conversations/${trackingId}`);
  const later = /href="(\/page\/conversations\/[^"#]+\?after=[^"#]+)#timeline">Later/.exec(page.text)?.[1];
  assert.ok(later, 'the page says that there is more');
  const next = await get(app, later);
  assert.match(next.text, />Beginning<.*>Later</);
  assert.doesNotMatch(next.text, /Question received/);
});

test('a conversation with more runs than are looked at says so', async () => {
  const child = flowOf('child', (step) => step.run('work', () => null));
  const parent = flowOf('parent', async (step, children) => {
    for (let n = 0; n < Number(children); n++) await step.start(`child ${n}`, child, n);
  });
  const app = await createTestApp({ offeredFlows: [parent, child] as never });
  const timelineOf = async (children: number) => {
    const { facts, trackingId: runId } = aLife();
    await app.store.append(facts);
    await app.engine.start(parent, children, { runId });
    await app.engine.wait(runId);
    return (await json(app, `/conversations/${runId}/timeline`)).body;
  };
  assert.equal((await timelineOf(19)).more_runs, false);
  const { more_runs: more, timeline, tracking_id: id } = await timelineOf(20);
  assert.equal(more, true);
  assert.ok(timeline.some(({ name }: Entry) => name === 'child 19'));
  const page = await get(app, `/page/conversations/${id}`);
  assert.match(page.text, /It has more runs than are looked at here/);
});

test('a place that is none is refused, and nothing follows the end', async () => {
  const { app, path, trackingId } = await delivered(0);
  for (const after of ['x', '1', '-1.5', '1.2.3', '9'.repeat(90)]) {
    const { status, body } = await json(app, `${path}?after=${after}`);
    assert.deepEqual([status, body.errors[0].path], [422, 'after']);
  }
  assert.equal((await json(app, `${path}?limit=1001`)).status, 422);
  assert.deepEqual((await json(app, `${path}?after=999999.9999999999999`)).body.timeline, []);
  assert.equal((await get(app, `/page/conversations/${trackingId}?after=x`)).status, 422);
});

test('the command line shows a timeline in pages', async () => {
  const { app, trackingId } = await delivered(3);
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.server.address() as AddressInfo;
  const run = async (...args: string[]) => {
    const told = { out: '', error: '' };
    const code = await runCommand({ conversations: async () => conversations }, ['conversations', ...args], {
      readConfig: () => readConfig({ SIGNALBOX_URL: `http://127.0.0.1:${port}` }),
      ...{ signal: new AbortController().signal, columns: 120, colours: false },
      write(text) {
        told.out += text;
      },
      writeError(text) {
        told.error += text;
      },
    });
    return { ...told, code };
  };
  const { out, error, code } = await run('timeline', trackingId);
  assert.deepEqual([code, error], [0, '']);
  assert.match(out, /^started \(UTC\) .*what\n.* question: testing_system \(/);
  assert.match(out, /failed +delivery attempt: attempt 3 \(no 3\)/);
  assert.match(out, /step: manager agent \(of query\)/);
  const first = await run('timeline', trackingId, '--limit', '1');
  const after = /^more: --after (\S+)\n$/.exec(first.error)?.[1];
  assert.ok(after, first.error);
  assert.doesNotMatch((await run('timeline', trackingId, '--after', after)).out, / question: /);
  assert.equal((await run('timeline')).code, 2);
  assert.equal((await run('timeline', 'nothing')).code, 1);
});
