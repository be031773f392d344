import assert from 'node:assert/strict';
import { uuidv7 } from '../../core/ids.ts';
import { mentions } from '../../record/erasure.ts';
import { parseSearch } from '../../record/search/query.ts';
import type { WithStore } from './contract.ts';
import { aLife } from './life.ts';

const erasure = { runId: 'run', by: 'me', at: 1_786_699_900_000 };

/** Taking content away: what every store does about it. */
export function testErasing(withStore: WithStore): void {
  withStore('takes the content of a conversation away, and leaves that there was one', async (under) => {
    const { store, beside = store } = under;
    const [life, other] = [aLife({ extra: { account: 'acme', note: 'Jane Doe' } }), aLife()];
    await store.append([...life.facts, ...other.facts]);
    // What is no event of the map may be anything.
    const foreign = {
      id: 'x',
      at: 9,
      type: 'SOMETHING_ELSE',
      subject: life.trackingId,
      data: { text: 'IXIS' },
    };
    await store.append([foreign]);
    const before = (await store.summary(life.trackingId))!;
    assert.equal(await store.erase(life.trackingId, erasure), 'erased');
    const found = (await beside.conversation(life.trackingId))!;
    assert.deepEqual(
      [found.query, found.queryStart, found.answer, found.extra, found.account, found.problem],
      ['', '', null, {}, null, null],
    );
    assert.equal(found.erasedAt, erasure.at);
    const { status, conversationId, receivedAt, completedAt, totalTimeMs, sourceSystem } = before;
    for (const [name, value] of Object.entries({
      status,
      conversationId,
      receivedAt,
      completedAt,
      totalTimeMs,
      sourceSystem,
    })) {
      assert.equal(found[name as keyof typeof found], value, name);
    }
    const events = await store.events(life.trackingId);
    assert.deepEqual(events.map(({ type }) => type).slice(-1), ['WEBHOOK_CONVERSATION_ERASED']);
    assert.equal(events.length, life.facts.length + 2);
    const text = JSON.stringify(events);
    for (const word of ['IXIS', 'Won', 'Jane', 'acme', 'answered 500']) assert.ok(!text.includes(word), word);
    assert.equal((await store.conversation(other.trackingId))?.query, 'What is the deal status for IXIS?');
    assert.equal(await beside.erase(life.trackingId, { ...erasure, at: 5 }), 'erased', 'again');
    assert.deepEqual(await store.events(life.trackingId), events);
  });

  withStore('erases nothing that is not complete, or not there', async ({ store }) => {
    const life = aLife();
    await store.append(life.facts.slice(0, 4));
    assert.equal(await store.erase(life.trackingId, erasure), 'not_complete');
    assert.equal(await store.erase(uuidv7(), erasure), 'unknown');
    assert.equal((await store.conversation(life.trackingId))?.query, 'What is the deal status for IXIS?');
  });

  withStore(
    'finds nothing of it any more, and is the same when it is made anew',
    async ({ store, catchUp }) => {
      const [life, other] = [aLife(), aLife()];
      await store.append([...life.facts, ...other.facts]);
      const query = parseSearch('IXIS');
      const search = async () =>
        (await store.search({ query })).found.map(({ summary }) => summary.trackingId);
      await catchUp();
      assert.equal((await search()).length, 2);
      await store.erase(life.trackingId, erasure);
      assert.deepEqual(await search(), [other.trackingId]);
      await store.settleErasures();
      const before = await store.summary(life.trackingId);
      await store.rebuild(['conversations', 'search']);
      await catchUp();
      assert.deepEqual(await search(), [other.trackingId]);
      assert.deepEqual(await store.summary(life.trackingId), before);
    },
  );

  withStore('finds and erases a question that looks like a sealed value', async (under) => {
    const { store, catchUp, wholeWordsOnly = false } = under;
    const query = parseSearch(wholeWordsOnly ? 'hostile words' : 'hostile words hos*');
    for (const beginning of ['$sb1$aaaaaaaa$AAAA', '$sb0$$sb1$', '$sb1$']) {
      const life = aLife({ query: `${beginning} hostile words` });
      await store.append(life.facts);
      await catchUp();
      const { found } = await store.search({ query });
      assert.deepEqual(
        found.map(({ summary }) => summary.queryStart),
        [`${beginning} hostile words`],
      );
      assert.equal(await store.erase(life.trackingId, erasure), 'erased');
      assert.equal((await store.summary(life.trackingId))?.queryStart, '');
    }
  });

  withStore('erases many that were indexed together, and is written to afterwards', async (under) => {
    const { store, catchUp } = under;
    const lives = Array.from({ length: 5 }, () => aLife());
    await store.append(lives.flatMap(({ facts }) => facts));
    await catchUp();
    for (const { trackingId } of lives) assert.equal(await store.erase(trackingId, erasure), 'erased');
    await store.append(aLife().facts);
    await catchUp();
    assert.equal((await store.search({ query: parseSearch('IXIS') })).found.length, 1);
  });

  withStore('gives the texts of the record in pieces', async ({ store }) => {
    const lives = [aLife(), aLife({ extra: { who: 'Jane "JD" Doe\n' } }), aLife()];
    for (const life of lives) await store.append(life.facts);
    const found: string[] = [];
    let sequence = 0;
    for (let events = await store.texts(0, 2); events.length > 0; events = await store.texts(sequence, 2)) {
      found.push(
        ...events.filter((event) => mentions(event, 'jane "jd" doe\n')).map((event) => event.trackingId),
      );
      sequence = events.at(-1)!.sequence;
    }
    assert.deepEqual(found, [lives[1]!.trackingId]);
  });
}
