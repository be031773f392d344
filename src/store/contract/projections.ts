import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { StampedFact } from '../../engine/engine.ts';
import { type WebhookType, webhookTypes } from '../../record/events.ts';
import { projectionNames } from '../../record/projections.ts';
import type { Part } from '../../record/search/highlight.ts';
import { parseSearch, type SearchQuery } from '../../record/search/query.ts';
import { wordsOf } from '../../record/search/words.ts';
import type { ConversationSearch, Store } from '../store.ts';
import type { StoreUnderTest } from './contract.ts';
import { aLife, type LifeOptions } from './life.ts';
import type { WithStore } from './with-store.ts';

type UnderTest = Pick<StoreUnderTest, 'store' | 'catchUp' | 'close' | 'wholeWordsOnly'>;

/** What every implementation does with the projections that follow the log. */
export function testProjections(withStore: WithStore<UnderTest>): void {
  withStore('finds words, phrases and beginnings in questions and answers, newest first', async (under) => {
    const [one, two, three] = await filled(under, [
      { query: 'Deal status of Café Zürich?', answer: 'It is **closed won** since May.' },
      { query: 'Which deals closed?', answer: 'Two have closed, one was won.' },
      { query: 'Customers of 東京', answer: "It's acme.com & co" },
    ]);
    const finds = async (text: string, expected: readonly (string | undefined)[]) => {
      if (isRefused(under, parseSearch(text))) return refuses(under, parseSearch(text));
      assert.deepEqual(await find(under.store, text), expected, text);
    };
    await finds('closed', [two, one]);
    await finds('CLOSED won', [two, one]);
    await finds('"closed won"', [one]);
    await finds('cafe zurich', [one]);
    await finds('deal', [one]);
    await finds('deal*', [two, one]);
    await finds('deal* -which', [one]);
    await finds('closed -"closed won"', [two]);
    await finds('closed -dea*', []);
    await finds('custom* "東京"', [three]);
    await finds('東', [three]);
    await finds('acme.com', [three]);
    await finds("it's", [three]);
    await finds('"may deal"', []);
    // From the end of the question to the beginning of the answer there is no phrase.
    await finds('"zürich it"', []);
    await finds('nothing', []);
  });

  withStore('marks what was found', async (under) => {
    await filled(under, [{ query: 'Deal status?', answer: 'The deal is won.' }]);
    const { found } = await under.store.search({ query: parseSearch('deal') });
    const shown = (fragments: readonly (readonly Part[])[]) =>
      fragments.map((parts) => parts.map(({ text, match }) => (match ? `[${text}]` : text)).join(''));
    assert.deepEqual(
      [shown(found[0]!.question), shown(found[0]!.answer)],
      [['[Deal] status?'], ['The [deal] is won.']],
    );
  });

  withStore('searches among what a filter leaves, in pages', async (under) => {
    const day = 86_400_000;
    const lives = Array.from({ length: 24 }, (_, n) => ({
      query: 'Find me',
      at: 1_786_699_000_000 + n * 5 * day,
      sourceSystem: `s${n % 2}`,
      webhookType: webhookTypes[n % 4]!,
      extra: { account_id: `a${n % 3}` },
    }));
    const ids = await filled(under, lives);
    const query = parseSearch('find');
    const found = async (filter: Omit<ConversationSearch, 'query'>) => {
      const seen: number[] = [];
      let after: string | undefined;
      do {
        const page = await under.store.search({ query, ...filter, limit: 3, ...(after && { after }) });
        seen.push(...page.found.map(({ summary }) => ids.indexOf(summary.trackingId)));
        after = page.next;
      } while (after !== undefined);
      return seen;
    };
    const where = (holds: (n: number) => boolean) => [...lives.keys()].filter(holds).reverse();
    assert.deepEqual(
      await found({}),
      where(() => true),
    );
    assert.deepEqual(
      await found({ sourceSystem: 's1' }),
      where((n) => n % 2 === 1),
    );
    assert.deepEqual(
      await found({ account: 'a2', webhookType: 'general' }),
      where((n) => n % 12 === 11),
    );
    assert.deepEqual(
      await found({ from: lives[5]!.at, to: lives[20]!.at }),
      where((n) => n >= 5 && n < 20),
    );
    assert.deepEqual(
      await found({ to: lives[3]!.at }),
      where((n) => n < 3),
    );
    assert.deepEqual(await found({ from: lives[22]!.at + 1 }), [23]);
    assert.deepEqual(await found({ from: 0, to: 1 }), []);
    assert.deepEqual(
      await found({ status: 'delivered', sourceSystem: 's0' }),
      where((n) => n % 2 === 0),
    );
    assert.deepEqual(await found({ status: 'failed' }), []);
    for (const after of ['', '0', '1.1', 'x', "1' OR 1"]) {
      await assert.rejects(under.store.search({ query, after }), { code: 'invalid_request' }, after);
    }
  });

  withStore('finds what a search word by word finds, whatever is asked', async (under) => {
    const vocabulary = [
      'won',
      'wonder',
      'wonderful',
      'wonderfully',
      'lost',
      'the',
      'deal',
      'café',
      '東',
      'x1',
      "o'b",
    ];
    const text = fc.array(fc.constantFrom(...vocabulary), { maxLength: 6 }).map((words) => words.join(' '));
    const texts = fc.sample(fc.record({ query: text, answer: text }), { numRuns: 40, seed: 7 });
    const ids = await filled(under, texts);
    const term = fc
      .tuple(fc.constantFrom('', '', '-'), fc.constantFrom('', '"'), text, fc.constantFrom('', '*'))
      .map(([minus, quote, words, star]) => `${minus}${quote}${words}${quote}${star}`);
    const asked = fc.oneof(
      fc.array(term, { maxLength: 3 }).map((terms) => terms.join(' ')),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...hostile),
    );
    const check = async (input: string) => {
      const query = parsedOrRefused(input);
      if (query === undefined) return;
      if (isRefused(under, query)) return refuses(under, query);
      const { found } = await under.store.search({ query, limit: 100 });
      const expected = ids.filter((_, n) => matches(texts[n]!, query)).reverse();
      assert.deepEqual(
        found.map(({ summary }) => summary.trackingId),
        expected,
      );
    };
    await fc.assert(fc.asyncProperty(asked, check), { numRuns: 250 });
  });

  withStore('finds the latest answer, also of a conversation that it knows already', async (under) => {
    const life = aLife({ query: 'first', answer: 'second' });
    await under.store.append(life.facts.slice(0, 1));
    await caughtUp(under);
    assert.deepEqual(await find(under.store, 'first'), [life.trackingId]);
    assert.deepEqual(await find(under.store, 'second'), []);
    await under.store.append(life.facts);
    await caughtUp(under);
    assert.deepEqual(await find(under.store, 'first second'), [life.trackingId]);
  });

  withStore('says how far the search has come', async (under) => {
    await caughtUp(under);
    assert.equal((await under.store.search({ query: parseSearch('x') })).behind, 0);
    const states = await under.store.projections();
    assert.deepEqual(
      states.map(({ name, behind, rebuilding }) => ({ name, behind, rebuilding })),
      projectionNames.map((each) => ({ name: each, behind: 0, rebuilding: null })),
    );
  });

  withStore('counts what was completed, as one that goes through all of it does', async (under) => {
    const completions = fc.sample(completion, { numRuns: 200, seed: 3 });
    await filled(under, completions);
    const from = start;
    for (const bucketMs of [60_000, 120_000, 300_000, 900_000, 3_600_000]) {
      const to = from + 4 * 3_600_000;
      const found = await under.store.statistics({ bucketMs, from, to });
      const ends = completions.map((each) => ({ ...each, end: each.at + 7 }));
      const groups = Map.groupBy(ends, ({ end }) => from + Math.floor((end - from) / bucketMs) * bucketMs);
      const inRange = [...groups].filter(([at]) => at >= from && at < to).sort(([a], [b]) => a - b);
      assert.deepEqual(
        found.map((bucket) => [bucket.start, bucket.count]),
        inRange.map(([at, of]) => [at, of.length]),
      );
      for (const [at, bucket] of found.entries()) checkBucket(bucket, inRange[at]![1]);
    }
  });

  withStore('makes projections anew from the log as they are, while the record goes on', async (under) => {
    const { store } = under;
    const options = fc.record({ ...completionShape, query: fc.constantFrom('won it', 'lost it', 'café') });
    const ofAll = fc.sample(options, { numRuns: 60, seed: 5 });
    const ids = await filled(under, ofAll.slice(0, 30), (facts, n) => facts.slice(0, 1 + (n % 8)));
    const seen = async () => ({
      conversations: (await store.conversations({ limit: 500 })).conversations,
      statistics: await store.statistics({ bucketMs: 60_000, from: start, to: start + 7_200_000 }),
      found: await Promise.all(['won', 'lost', 'cafe', 'it -won'].map((text) => find(store, text))),
    });
    const before = await seen();
    assert.ok(before.statistics.length > 0 && before.found[0]!.length > 0 && ids.length === 30);
    await store.rebuild(projectionNames);
    await caughtUp(under);
    assert.deepEqual(await seen(), before);
    // What is written while they are made anew is in them once.
    await store.rebuild(projectionNames);
    const rest = ofAll.slice(30).map((each) => aLife(each));
    await Promise.all([...rest.map((life) => store.append(life.facts)), under.catchUp()]);
    await caughtUp(under);
    const during = await seen();
    assert.equal(during.conversations.length, 60);
    await store.rebuild(projectionNames);
    await caughtUp(under);
    assert.deepEqual(await seen(), during);
  });
}

const start = 1_786_698_000_000;

const completionShape = {
  at: fc.integer({ min: start, max: start + 3_600_000 }),
  webhookType: fc.constantFrom<WebhookType>(...webhookTypes),
  totalTimeMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 600_000 })),
  deliveryStatus: fc.constantFrom('delivered' as const, 'failed' as const, 'not_configured' as const),
};
const completion = fc.record(completionShape);

type Bucket = Awaited<ReturnType<Store['statistics']>>[number];

function checkBucket(
  bucket: Bucket,
  of: readonly Required<Pick<LifeOptions, 'totalTimeMs' | 'webhookType' | 'deliveryStatus'>>[],
) {
  const times = of.map((each) => each.totalTimeMs).sort((a, b) => a - b);
  const near = (found: number, fraction: number) => {
    const exact = times[Math.max(0, Math.ceil(times.length * fraction) - 1)]!;
    assert.ok(Math.abs(found - exact) <= exact * 0.008 + 1e-9, `${found} is not ${exact}`);
  };
  assert.deepEqual([bucket.minimumMs, bucket.maximumMs], [times[0], times.at(-1)]);
  assert.ok(Math.abs(bucket.averageMs - times.reduce((sum, time) => sum + time, 0) / times.length) < 1e-6);
  near(bucket.p50Ms, 0.5);
  near(bucket.p95Ms, 0.95);
  near(bucket.p99Ms, 0.99);
  for (const type of bucket.byType) {
    const same = of.filter((each) => each.webhookType === type.webhookType);
    const having = (status: string) => same.filter((each) => each.deliveryStatus === status).length;
    assert.deepEqual(
      [type.count, type.delivered, type.failed, type.notConfigured],
      [same.length, having('delivered'), having('failed'), having('not_configured')],
    );
  }
}

/** What a language of queries could be broken with. */
const hostile = [
  `'; DROP TABLE events; --`,
  '") OR 1=1',
  'won AND',
  'NOT lost',
  'NEAR(won lost)',
  '{question}:won',
  '^won',
  'won + lost',
  "won' | 'lost",
  'won & !',
  '<-> won',
  'won:*',
  '\\',
  '\0won',
  '\ud800won',
  '*',
  '""',
  '"',
  '-',
  'a*b*c*',
  '((((',
  'facets:x',
  '=s1',
];

const isRefused = ({ wholeWordsOnly }: UnderTest, { terms, without }: SearchQuery): boolean =>
  wholeWordsOnly === true && [...terms, ...without].some((term) => term.isPrefix);

async function refuses({ store }: UnderTest, query: SearchQuery): Promise<void> {
  await assert.rejects(store.search({ query }), { code: 'invalid_request', message: /only whole words/ });
}

function parsedOrRefused(text: string): SearchQuery | undefined {
  try {
    return parseSearch(text);
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'invalid_request', text);
    return undefined;
  }
}

function matches(of: { readonly query: string; readonly answer: string }, query: SearchQuery): boolean {
  const texts = [of.query, of.answer].map((text) => wordsOf(text).map((word) => word.text));
  const has = ({ words, isPrefix }: SearchQuery['terms'][number]) =>
    texts.some((all) =>
      all.some((_, at) =>
        words.every((word, n) => {
          const found = all[at + n];
          return isPrefix && n === words.length - 1 ? found?.startsWith(word) === true : found === word;
        }),
      ),
    );
  return query.terms.every(has) && !query.without.some(has);
}

async function find(store: Store, text: string): Promise<string[]> {
  const { found } = await store.search({ query: parseSearch(text), limit: 500 });
  return found.map(({ summary }) => summary.trackingId);
}

/** Writes whole lives, or what `part` leaves of them, and waits until everything that follows the log has seen them. */
async function filled(
  under: UnderTest,
  lives: readonly LifeOptions[],
  part = (facts: readonly StampedFact[], _n: number) => facts,
): Promise<string[]> {
  const ids: string[] = [];
  for (const [n, options] of lives.entries()) {
    const life = aLife(options);
    ids.push(life.trackingId);
    await under.store.append(part(life.facts, n));
  }
  await caughtUp(under);
  return ids;
}

async function caughtUp(under: UnderTest): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(5)) {
    await under.catchUp();
    const states = await under.store.projections();
    if (states.every(({ behind, rebuilding }) => behind === 0 && rebuilding === null)) return;
  }
  throw new Error('The projections did not catch up within 20 s.');
}
