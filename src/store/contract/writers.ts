import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { uuidv7 } from '../../core/ids.ts';
import { follow } from '../../record/live.ts';
import type { WithStore } from './contract.ts';
import { aLife, note } from './life.ts';

/** Several writers and readers at once: what every store promises them. */
export function testWriters(withStore: WithStore): void {
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
}
