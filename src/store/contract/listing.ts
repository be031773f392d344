import assert from 'node:assert/strict';
import type { ConversationSummary } from '../../record/conversation.ts';
import type { Store } from '../store.ts';
import type { WithStore } from './contract.ts';
import { aLife } from './life.ts';

/** Lists of conversations: what every store gives for which filter. */
export function testListing(withStore: WithStore): void {
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
}

const ids = (conversations: readonly Pick<ConversationSummary, 'trackingId'>[]) =>
  conversations.map((conversation) => conversation.trackingId);

type Filter = NonNullable<Parameters<Store['conversations']>[0]>;
