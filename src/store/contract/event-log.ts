import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ConversationEventType, eventTypes } from '../../record/events.ts';
import type { EventSelection, LoggedEvent, LogQuery } from '../../record/feed/event-log.ts';
import { followLog } from '../../record/feed/follow.ts';
import { isSelected } from '../../record/feed/selection.ts';
import { LogTail } from '../../record/feed/tail.ts';
import type { Store } from '../store.ts';
import type { WithStore } from './contract.ts';
import { aLife } from './life.ts';

/** What every implementation does with the log as a whole. */
export function testEventLog(withStore: WithStore): void {
  withStore(
    'gives the log in pages, each event of a conversation once and in order, and no others',
    async ({ store }) => {
      assert.equal(await store.newestSequence(), 0);
      assert.deepEqual(await store.eventLog(0), { events: [], position: 0, isEnd: true });
      const lives = Array.from({ length: 66 }, (_, n) => aLife({ query: `${n}`.repeat(1 + (n % 40)) }));
      await store.append([
        { id: 'act', at: 1, type: 'OPERATOR_ACT', subject: 'audit', data: { actId: 'a' } },
      ]);
      await store.append(lives.flatMap(({ facts }) => facts));
      const expected = lives.flatMap((life) => life.facts.map((fact) => `${life.trackingId} ${fact.id}`));
      for (const query of [{}, { limit: 1_000 }, { limit: 37 }, { sizeBytes: 9_000 }]) {
        const events = await all(store, query);
        assert.deepEqual(events.map(nameOf), expected, JSON.stringify(query));
      }
      assert.equal(await store.newestSequence(), (await all(store)).at(-1)!.event.sequence);
      assert.equal((await store.eventLog(0, { sizeBytes: 1 })).events.length, 1);
      const { events, isEnd } = await store.eventLog(0, { sizeBytes: 4_000 });
      const stored = events.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      assert.ok(!isEnd && events.length > 1 && stored <= 4_000, `${events.length} events of ${stored} bytes`);
      assert.deepEqual(await store.eventLog(9e14), { events: [], position: 9e14, isEnd: true });
    },
  );

  withStore('gives of the log what is asked for, as one that looks at all of it does', async ({ store }) => {
    const lives = fc.sample(
      fc.record({
        sourceSystem: fc.constantFrom('crm', 'erp'),
        webhookType: fc.constantFrom('general' as const, 'deal_analysis' as const),
        extra: fc.constantFrom({}, { account: 'Acme' }, { account_id: 7 }),
      }),
      { numRuns: 90, seed: 4 },
    );
    await store.append(lives.flatMap((life) => aLife(life).facts));
    const everything = await all(store);
    assert.deepEqual([...new Set(everything.map(({ account }) => account))].sort(), ['7', 'Acme', null]);
    const types: readonly ConversationEventType[] = ['WEBHOOK_DELIVERY_FAILED', 'WEBHOOK_REQUEST_RECEIVED'];
    const selections: readonly EventSelection[] = [
      { types },
      { types: [] },
      { sourceSystem: 'crm' },
      { sourceSystem: "crm' OR 1 --" },
      { account: 'Acme', types: [...eventTypes] },
      { account: '7', sourceSystem: 'erp', sourceProcess: 'phase3', types },
    ];
    for (const selection of selections) {
      const expected = everything.filter((each) => isSelected(each, selection));
      assert.deepEqual(await all(store, { ...selection, limit: 9 }), expected, JSON.stringify(selection));
    }
  });

  withStore(
    'lets the log be followed while many write it: nothing is left out, nothing comes twice',
    async (under) => {
      const { store, live, beside = under.store } = under;
      const tail = new LogTail({ log: store, live, onError: assert.ifError, restMs: 1 });
      const abort = new AbortController();
      const lives = Array.from({ length: 60 }, () => aLife());
      const count = lives.reduce((sum, { facts }) => sum + facts.length, 0);
      const early = reader({ store, tail }, 0, count, abort.signal);
      const writers = lives.map(async ({ facts }, n) => {
        for (const fact of facts) await (n % 2 === 0 ? store : beside).append([fact]);
      });
      // Those who come in between, from what was then the newest, from the beginning, and after an event that they have seen.
      await Promise.all(writers.slice(0, 20));
      const place = await store.newestSequence();
      const late = reader({ store, tail }, place, undefined, abort.signal);
      const again = reader({ store, tail }, 0, count, abort.signal);
      await Promise.all(writers);
      const log = (await all(store)).map(nameOf);
      assert.equal(log.length, count);
      assert.deepEqual(await early.whole, log);
      assert.deepEqual(await again.whole, log);
      const after = (await all(store)).filter(({ event }) => event.sequence > place).map(nameOf);
      await late.untilThere(after.length);
      abort.abort();
      assert.deepEqual(await late.whole, after);
      assert.equal(tail.readers, 0);
    },
  );
}

const nameOf = ({ event }: LoggedEvent) => `${event.trackingId} ${event.id}`;

async function all(store: Store, query: LogQuery = {}): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for (let after = 0; ; ) {
    const page = await store.eventLog(after, query);
    events.push(...page.events);
    after = page.position;
    if (page.isEnd) return events;
  }
}

/** Reads until there are so many, or it is aborted. */
function reader(
  of: { readonly store: Store; readonly tail: LogTail },
  after: number,
  count: number | undefined,
  signal: AbortSignal,
) {
  const seen: string[] = [];
  const waiting = new Map<number, () => void>();
  const read = async () => {
    for await (const { events } of followLog(of, {}, { after, signal })) {
      seen.push(...events.map(nameOf));
      for (const [length, resolve] of waiting) if (seen.length >= length) resolve();
      if (seen.length === count) break;
    }
    return seen;
  };
  const untilThere = (length: number) =>
    new Promise<void>((resolve) => (seen.length >= length ? resolve() : void waiting.set(length, resolve)));
  return { whole: read(), untilThere };
}
