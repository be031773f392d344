import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { uuidv7 } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { Fact, StampedFact } from '../engine/engine.ts';
import type { Source } from '../inbound/source.ts';
import { type ConversationSummary, project } from '../record/conversation.ts';
import { type AboutConversation, event, type RecordedEvent, toRecordedEvent } from '../record/events.ts';
import { follow, type LiveRecord } from '../record/live.ts';
import type { SystemRetention } from '../record/system-retention.ts';
import { testAlarmRecords } from './contract-alarms.ts';
import { testErasing } from './contract-erasing.ts';
import { testEventLog } from './contract-event-log.ts';
import { testAudit, testIdentities } from './contract-identities.ts';
import { testSystemRetention } from './contract-system-retention.ts';
import type { Leases } from './leases.ts';
import { testProjections } from './projections/contract.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Store } from './store.ts';

export interface StoreUnderTest extends Shared {
  readonly store: Store;
  /** What tells whoever follows a conversation in the process of `store`. */
  readonly live: LiveRecord;
  /** The same data as another process has them; absent where one process has them to itself. */
  readonly beside?: Store & Shared;
  /** Lets what follows the log do all that there is to do. */
  catchUp(): Promise<void>;
  /** Removes the events of no conversation that are past their time; resolves with how many, by kind. */
  sweepSystemEvents(keep: SystemRetention, now: number): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
  /** Beginnings of words are refused, because what is searched are hashes. */
  readonly wholeWordsOnly?: boolean;
}

/** What processes share besides the record. */
export interface Shared {
  readonly leases: Leases;
  readonly rateLimits: RateLimits;
}

/** What every implementation of the store port does. `create` gives an empty one. */
export function testStore(name: string, create: () => Promise<StoreUnderTest>): void {
  const withStore = (title: string, check: (under: StoreUnderTest) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const under = await create();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });

  testIdentities(withStore);
  testAudit(withStore);
  testProjections(name, create);
  testAlarmRecords(withStore);
  testErasing(withStore);
  testSystemRetention(withStore);
  testEventLog(withStore);

  withStore('tells a whole life: state, answer, attempts', async ({ store }) => {
    const life = aLife();
    for (const fact of life.facts) await store.append([fact]);
    const conversation = await store.conversation(life.trackingId);
    assert.equal(conversation?.status, 'delivered');
    assert.equal(conversation.deliveryStatus, 'delivered');
    assert.equal(conversation.complete, true);
    assert.equal(conversation.query, 'What is the deal status for IXIS?');
    assert.deepEqual(conversation.extra, { ticket: 7 });
    assert.equal(conversation.answer?.response, '**Won**');
    assert.equal(conversation.answer.responsePlain, 'Won');
    assert.deepEqual(
      conversation.deliveries.map((attempt) => [attempt.attempt, attempt.delivered, attempt.statusCode]),
      [
        [1, false, 500],
        [2, true, 200],
      ],
    );
    assert.equal(conversation.totalTimeMs, 30);
    assert.equal(conversation.answerTimeMs, 4);
    const { answer, deliveries, query, timestamp, extra, error, estimatedProcessingTime, ...rest } =
      conversation;
    assert.deepEqual(await store.summary(life.trackingId), rest);
  });

  withStore('knows nothing of a conversation that is not there', async ({ store }) => {
    assert.equal(await store.conversation(uuidv7()), undefined);
    assert.equal(await store.summary(uuidv7()), undefined);
    assert.deepEqual(await store.events(uuidv7()), []);
    assert.deepEqual(await store.conversations(), { conversations: [] });
  });

  withStore('keeps an event that comes twice once', async ({ store }) => {
    const life = aLife();
    await store.append(life.facts);
    const before = await store.conversation(life.trackingId);
    await store.append(life.facts);
    await store.append(life.facts.slice(0, 3));
    assert.deepEqual(await store.conversation(life.trackingId), before);
    assert.equal((await store.events(life.trackingId)).length, life.facts.length);
  });

  withStore('gives the events after a sequence number, in order', async ({ store }) => {
    const [life, other] = [aLife(), aLife()];
    for (const [index, fact] of life.facts.entries()) await store.append([fact, other.facts[index]!]);
    const events = await store.events(life.trackingId);
    assert.deepEqual(
      events.map(({ type, data, id, at, trackingId }) => ({ type, data, id, at, subject: trackingId })),
      life.facts.map(({ type, data, id, at, subject }) => ({ type, data, id, at, subject })),
    );
    assert.deepEqual(await store.events(life.trackingId, events[2]!.sequence), events.slice(3));
    assert.deepEqual(await store.events(life.trackingId, 0, 2), events.slice(0, 2));
    assert.deepEqual(await store.events(life.trackingId, events.at(-1)!.sequence), []);
  });

  withStore('keeps facts that are no events of the map, and changes nothing', async ({ store }) => {
    const life = aLife();
    await store.append(life.facts);
    const before = await store.summary(life.trackingId);
    await store.append([
      { id: 'x', at: 9, type: 'SOMETHING_ELSE', subject: life.trackingId, data: { a: 1 } },
    ]);
    assert.deepEqual(await store.summary(life.trackingId), before);
  });

  withStore('lists newest first, in pages', async ({ store }) => {
    const lives = Array.from({ length: 7 }, () => aLife());
    for (const life of lives) await store.append(life.facts.slice(0, 1));
    const newest = lives.map((life) => life.trackingId).reverse();
    const first = await store.conversations({ limit: 3 });
    assert.deepEqual(ids(first.conversations), newest.slice(0, 3));
    // What arrives between two pages moves nothing.
    await store.append(aLife().facts.slice(0, 1));
    const second = await store.conversations({ limit: 3, after: first.next! });
    assert.deepEqual(ids(second.conversations), newest.slice(3, 6));
    const last = await store.conversations({ limit: 3, after: second.next! });
    assert.deepEqual([ids(last.conversations), last.next], [newest.slice(6), undefined]);
  });

  withStore('filters by status, source system and type', async ({ store }) => {
    const queued = aLife({ sourceSystem: 'crm' });
    const done = aLife({ sourceSystem: 'crm' });
    const lead = aLife({ webhookType: 'lead_analysis' });
    await store.append(queued.facts.slice(0, 1));
    await store.append(done.facts);
    await store.append(lead.facts);
    const list = async (filter: Parameters<Store['conversations']>[0]) =>
      ids((await store.conversations(filter)).conversations);
    assert.deepEqual(await list({ status: 'delivered' }), [lead.trackingId, done.trackingId]);
    assert.deepEqual(await list({ status: 'queued' }), [queued.trackingId]);
    assert.deepEqual(await list({ sourceSystem: 'crm' }), [done.trackingId, queued.trackingId]);
    assert.deepEqual(await list({ sourceSystem: 'crm', status: 'delivered' }), [done.trackingId]);
    assert.deepEqual(await list({ webhookType: 'lead_analysis' }), [lead.trackingId]);
    assert.deepEqual(await list({ sourceSystem: "crm' OR '1'='1" }), []);
    assert.deepEqual(await store.counts(), { delivered: 2, queued: 1 });
  });

  withStore('filters by process, account, conversation id and time, and counts', async ({ store }) => {
    const at = 1_786_699_000_000;
    const first = aLife({ at: at - 5, sourceProcess: 'import', extra: { account_id: 42 } });
    const second = aLife({ at: at - 5, extra: { account: ' acme ', account_id: {} } });
    const third = aLife({ at, conversationId: 'webhook_20260814_091833_third', extra: { account_id: '42' } });
    // What came earlier may be written later.
    for (const life of [third, first, second]) await store.append(life.facts);
    const found = async (filter: Filter) => {
      const { conversations } = await store.conversations(filter);
      assert.deepEqual(await store.count(filter), { count: conversations.length, exact: true });
      return ids(conversations);
    };
    const [one, two, three] = ids([first, second, third]);
    assert.deepEqual(await found({}), [three, two, one]);
    assert.deepEqual(await found({ sourceProcess: 'import' }), [one]);
    assert.deepEqual(await found({ account: '42' }), [three, one]);
    assert.deepEqual(await found({ account: 'acme' }), [two]);
    assert.deepEqual(await found({ conversationId: 'webhook_20260814_091833_third' }), [three]);
    assert.deepEqual(await found({ from: at }), [three]);
    assert.deepEqual(await found({ to: at }), [two, one]);
    assert.deepEqual(await found({ from: at - 5, to: at + 1, account: '42' }), [three, one]);
    assert.deepEqual(await found({ status: 'delivered', sourceProcess: 'import', to: at }), [one]);
    assert.deepEqual(await found({ status: 'queued', sourceProcess: 'import' }), []);
    assert.equal((await store.summary(one!))!.account, '42');
  });

  withStore('pages through what several filters leave, each once and in order', async ({ store }) => {
    const lives = Array.from({ length: 60 }, (_, n) =>
      aLife({ at: 1_786_699_000_000 + (n % 7), sourceSystem: `s${n % 2}`, sourceProcess: `p${n % 3}` }),
    );
    for (const life of lives) await store.append(life.facts.slice(0, 1));
    const filter = { sourceSystem: 's1', sourceProcess: 'p2', from: 1_786_699_000_001 };
    const expected = (await store.conversations()).conversations.filter(
      (row) => row.sourceSystem === 's1' && row.sourceProcess === 'p2' && row.receivedAt >= filter.from,
    );
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.conversations({ ...filter, limit: 2, ...(after !== undefined && { after }) });
      seen.push(...ids(page.conversations));
      after = page.next;
    } while (after !== undefined);
    assert.ok(expected.length > 4);
    assert.deepEqual(seen, ids(expected));
  });

  withStore('refuses a cursor that is not its own', async ({ store }) => {
    for (const after of ['', 'x', '1', '-1.1', '1.0', '1.1; DROP TABLE events', `${'9'.repeat(40)}.1`]) {
      await assert.rejects(store.conversations({ after }), { code: 'invalid_request' }, after);
    }
  });

  withStore('remembers how long recent answers took, by type', async ({ store }) => {
    for (const answerTimeMs of [10, 20, 30]) await store.append(aLife({ answerTimeMs }).facts);
    await store.append(aLife().facts.slice(0, 2));
    assert.deepEqual(await store.recentAnswerTimesMs('deal_analysis', 2), [30, 20]);
    assert.deepEqual(await store.recentAnswerTimesMs('general', 10), []);
  });

  withStore('disables endpoints until they are enabled again', async ({ store }) => {
    const endpoint = { url: 'https://a.example/hook', disabledAt: 1_000, reason: '410' };
    await store.disableEndpoint(endpoint);
    await store.disableEndpoint({ ...endpoint, disabledAt: 2_000, reason: 'again' });
    assert.deepEqual(await store.disabledEndpoint(endpoint.url), endpoint);
    assert.deepEqual(await store.disabledEndpoints(), [endpoint]);
    assert.equal(await store.enableEndpoint(endpoint.url), true);
    assert.equal(await store.enableEndpoint(endpoint.url), false);
    assert.equal(await store.disabledEndpoint(endpoint.url), undefined);
  });

  withStore('keeps sources by name, the latest of each', async ({ store }) => {
    const source = (name: string, secret: string): Source => ({
      name,
      scheme: 'github',
      secrets: [{ label: 'secret 1', secret, notAfter: 1_786_699_113_360 }],
      starts: { flow: 'query' },
      options: { input: { query: '{payload.title}' } },
    });
    assert.equal(await store.source('b'), undefined);
    assert.equal(await store.putSource(source('b', 'one')), true);
    assert.equal(await store.putSource(source('a', 'two')), true);
    assert.equal(await store.putSource(source('b', 'three')), false);
    assert.deepEqual(await store.source('b'), source('b', 'three'));
    assert.deepEqual(await store.sources(), [source('a', 'two'), source('b', 'three')]);
    assert.equal(await store.deleteSource('b'), true);
    assert.equal(await store.deleteSource('b'), false);
    assert.deepEqual(await store.sources(), [source('a', 'two')]);
  });

  withStore('writes the same facts once, also when several writers bring them at once', async (under) => {
    const { store, beside = store } = under;
    const life = aLife();
    await store.append(life.facts.slice(0, 1));
    const writers = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? store : beside));
    await Promise.all(writers.map((writer) => writer.append(life.facts)));
    const events = await beside.events(life.trackingId);
    assert.deepEqual(
      events.map((each) => each.id),
      life.facts.map((fact) => fact.id),
    );
    assert.equal((await store.summary(life.trackingId))?.status, 'delivered');
  });

  withStore('writes all facts of a call or none', async ({ store }) => {
    const life = aLife();
    const broken = { ...life.facts[1]!, at: undefined as unknown as number };
    await assert.rejects(store.append([life.facts[0]!, broken]));
    assert.deepEqual(await store.events(life.trackingId), []);
    assert.equal(await store.summary(life.trackingId), undefined);
    await store.append(life.facts);
    assert.equal((await store.events(life.trackingId)).length, life.facts.length);
  });

  withStore('shows events in the order of their sequence to a reader who resumes', async (under) => {
    const { store, beside = store } = under;
    const trackingId = uuidv7();
    const write = async (writer: number) => {
      const into = writer % 2 === 0 ? store : beside;
      for (let n = 0; n < 40; n++) {
        const facts = Array.from({ length: 1 + (n % 3) }, (_, at) =>
          note(trackingId, `${writer}/${n}/${at}`),
        );
        await into.append(facts);
      }
    };
    const written = Promise.all(Array.from({ length: 6 }, (_, writer) => write(writer)));
    let ended = false;
    void written.finally(() => {
      ended = true;
    });
    const seen: number[] = [];
    for (let last = false; !last; ) {
      // Lets writers of the same process have a turn.
      await setImmediate();
      last = ended;
      const events = await beside.events(trackingId, seen.at(-1) ?? 0, 50);
      if (events.length > 0) last = false;
      seen.push(...events.map((each) => each.sequence));
    }
    await written;
    const all = await store.events(trackingId, 0, 10_000);
    assert.equal(all.length, 6 * 79);
    assert.deepEqual(
      seen,
      all.map((each) => each.sequence),
    );
  });

  withStore('lets follow a conversation that another process writes, as it goes', async (under) => {
    const { store, live, beside = store } = under;
    const life = aLife();
    await beside.append(life.facts.slice(0, 1));
    const following = follow({ store, live }, life.trackingId, { signal: AbortSignal.timeout(20_000) });
    for (const fact of life.facts) {
      // There already, or written before anything else of it: seen before the next one is written.
      await beside.append([fact]);
      assert.equal((await following.next()).value?.id, fact.id);
    }
    assert.equal((await following.next()).done, true);
  });

  withStore(
    'gives a lease to one at a time, and to the next when it is let go of or has ended',
    async (under) => {
      const { leases: others = under.leases } = under.beside ?? {};
      const [first, second] = await Promise.all([
        under.leases.take('job', 60_000),
        others.take('job', 60_000),
      ]);
      assert.equal([first, second].filter(Boolean).length, 1, 'one of two has it');
      const lease = (first ?? second)!;
      assert.equal(await others.take('job', 60_000), undefined);
      assert.ok(await others.take('another', 60_000));
      assert.equal(await lease.renew(60_000), true);
      await lease.release();
      const next = (await others.take('job', 50))!;
      assert.ok(next.fence > lease.fence);
      assert.equal(await lease.renew(60_000), false, 'whoever had it before cannot renew it');
      await lease.release();
      const last = await until(() => under.leases.take('job', 60_000));
      assert.ok(last.fence > next.fence, 'it ends by itself');
      assert.equal(await next.renew(60_000), false);
      await last.release(60_000);
      assert.equal(await others.take('job', 60_000), undefined, 'it was held for a while');
    },
  );

  withStore('lets exactly so many requests of a name pass in a window, whoever asks', async (under) => {
    const { rateLimits: others = under.rateLimits } = under.beside ?? {};
    const limit = { count: 20, windowMs: 60_000 };
    const name = "crm'; --\0".repeat(500);
    const asked = Array.from({ length: 60 }, (_, n) => (n % 2 ? others : under.rateLimits).take(name, limit));
    const quotas = await Promise.all(asked);
    const passed = quotas.filter((quota) => quota.allowed);
    assert.equal(passed.length, 20);
    const remaining = passed.map((quota) => quota.remaining).sort((one, other) => one - other);
    assert.deepEqual(remaining, [...Array(20).keys()]);
    for (const { resetMs } of quotas) assert.ok(resetMs > 30_000 && resetMs <= 60_000, `${resetMs}`);
    assert.equal((await others.take(name, { count: 5, windowMs: 60_000 })).allowed, true, 'another limit');
    assert.equal((await others.take('erp', limit)).remaining, 19, 'another name');
  });

  withStore('begins a new window when one has ended', async ({ rateLimits }) => {
    const limit = { count: 1, windowMs: 300 };
    assert.equal((await rateLimits.take('crm', limit)).allowed, true);
    const again = await until(async () => {
      const quota = await rateLimits.take('crm', limit);
      return quota.allowed ? quota : undefined;
    });
    assert.equal(again.remaining, 0);
  });

  withStore('projects whatever happens as the pure projection does', async ({ store }) => {
    const run = async (choices: readonly number[], batchSizes: readonly number[]) => {
      const trackingId = uuidv7();
      const facts = choices.map((choice, index) => stamp(anything(trackingId, choice), trackingId, index));
      const received = stamp(aLife().factsOf(trackingId)[0]!, trackingId, 1_000);
      const all = [received, ...facts];
      for (let at = 0, batch = 0; at < all.length; batch++) {
        const size = batchSizes[batch % batchSizes.length]!;
        await store.append(all.slice(at, at + size));
        at += size;
      }
      let expected: ConversationSummary | undefined;
      for (const fact of all) expected = project(expected, toRecordedEvent(fact, 0) as RecordedEvent);
      assert.deepEqual(await store.summary(trackingId), expected);
    };
    const choice = fc.array(fc.integer({ min: 0, max: choiceCount - 1 }), { maxLength: 12 });
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    await fc.assert(fc.asyncProperty(choice, sizes, run), { numRuns: 150 });
  });
}

async function until<T>(get: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(5)) {
    const found = await get();
    if (found !== undefined) return found;
  }
  throw new Error('It did not happen within 10 s.');
}

/** A fact that is no event of the map. */
const note = (trackingId: string, id: string): StampedFact => ({
  ...{ id, at: 1_786_699_000_000, type: 'NOTE', subject: trackingId, data: {} },
});

const ids = (conversations: readonly Pick<ConversationSummary, 'trackingId'>[]) =>
  conversations.map((conversation) => conversation.trackingId);

const about: AboutConversation = {
  conversationId: 'webhook_20260814_091833_testing_phase3valid_abc123',
  deliveryId: 'delivery-1',
  sourceSystem: 'testing_system',
  sourceProcess: 'phase3_validation',
  webhookType: 'deal_analysis',
};

type Filter = NonNullable<Parameters<Store['conversations']>[0]>;

export interface LifeOptions extends Partial<Omit<AboutConversation, 'deliveryId'>> {
  readonly query?: string;
  readonly answer?: string;
  readonly answerTimeMs?: number;
  readonly totalTimeMs?: number;
  readonly deliveryStatus?: 'delivered' | 'failed' | 'not_configured';
  readonly extra?: JsonObject;
  /** The time of the first event. */
  readonly at?: number;
}

/** The facts of a conversation whose first delivery attempt fails. */
export function aLife(options: LifeOptions = {}) {
  const trackingId = uuidv7();
  const factsOf = (id: string) => lifeFacts(id, { ...about, ...options }, options);
  const facts = factsOf(trackingId).map((fact, index) => stamp(fact, trackingId, index, options.at));
  return { trackingId, facts, factsOf };
}

function stamp(fact: Fact, run: string, position: number, from = 1_786_699_000_000): StampedFact {
  return { ...fact, id: `${run}/${position}/1/0`, at: from + position };
}

function lifeFacts(trackingId: string, conversation: AboutConversation, options: LifeOptions): Fact[] {
  const { answerTimeMs = 4, extra = { ticket: 7 }, deliveryStatus = 'delivered', totalTimeMs = 30 } = options;
  const delivery = { ...conversation, answered: true };
  const { webhookType, sourceSystem, sourceProcess, conversationId, deliveryId } = conversation;
  const base = { webhookType, sourceSystem, sourceProcess, conversationId, deliveryId };
  const attempt = { ...delivery, webhookUrl: 'http://127.0.0.1/hook', responseTimeMs: 3 };
  return [
    event('WEBHOOK_REQUEST_RECEIVED', trackingId, {
      ...base,
      query: options.query ?? 'What is the deal status for IXIS?',
      timestamp: '2026-08-14T09:18:33Z',
      queuedAt: '2026-08-14T09:18:33.360Z',
      estimatedProcessingTime: '30-60 seconds',
      extra,
      requestSizeBytes: 120,
    }),
    event('WEBHOOK_MANAGER_AGENT_INVOKED', trackingId, { ...base, agent: 'analyst', sessionId: 's' }),
    event('WEBHOOK_MANAGER_AGENT_RESPONSE', trackingId, {
      ...base,
      agent: 'analyst',
      sessionId: 's',
      response: options.answer ?? '**Won**',
      responsePlain: options.answer ?? 'Won',
      understood: true,
      toolCalls: [],
      error: null,
      attempts: 1,
      agentTimeMs: 3,
      executionTimeSeconds: 0.003,
      answerTimeMs,
      responseSizeBytes: 7,
    }),
    event('WEBHOOK_RESPONSE_CLASSIFIED', trackingId, { ...base, guessedType: 'general' }),
    event('WEBHOOK_OUTBOUND_QUEUED', trackingId, delivery),
    event('WEBHOOK_DELIVERY_FAILED', trackingId, {
      ...attempt,
      attempt: 1,
      statusCode: 500,
      reason: 'The receiver answered 500',
      nextAttemptAt: '2026-08-14T09:18:36.000Z',
    }),
    event('WEBHOOK_DELIVERY_SUCCESS', trackingId, { ...attempt, attempt: 2, statusCode: 200 }),
    event('WEBHOOK_CONVERSATION_COMPLETED', trackingId, {
      ...delivery,
      status: deliveryStatus === 'failed' ? 'delivery_failed' : 'delivered',
      deliveryStatus,
      attempts: 2,
      totalTimeMs,
    }),
  ];
}

/** Each kind of event of either of two deliveries, of an answer or of a failure. */
const choiceCount = 32;

function anything(trackingId: string, choice: number): Fact {
  const deliveryId = choice & 1 ? 'delivery-1' : 'delivery-2';
  const answered = (choice & 2) === 0;
  const fact = lifeFacts(trackingId, { ...about, deliveryId }, {})[choice >> 2]!;
  const data = { ...fact.data, ...('answered' in fact.data && { answered }) };
  if (answered) return { ...fact, data };
  if (fact.type === 'WEBHOOK_MANAGER_AGENT_RESPONSE') {
    const error = { code: 'agent_failed', message: 'no', recoverable: true };
    return { ...fact, data: { ...data, response: null, error } };
  }
  return fact.type === 'WEBHOOK_CONVERSATION_COMPLETED'
    ? { ...fact, data: { ...data, status: 'delivery_failed', deliveryStatus: 'failed' } }
    : { ...fact, data };
}
