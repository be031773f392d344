import assert from 'node:assert/strict';
import fc from 'fast-check';
import { uuidv7 } from '../../core/ids.ts';
import { type ConversationSummary, project } from '../../record/conversation.ts';
import { type RecordedEvent, toRecordedEvent } from '../../record/events.ts';
import type { WithStore } from './contract.ts';
import { aLife, anything, choiceCount, stamp } from './life.ts';

/** The life of a conversation: what every store makes of its events. */
export function testLives(withStore: WithStore): void {
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

  withStore('remembers how long recent answers took, by type', async ({ store }) => {
    for (const answerTimeMs of [10, 20, 30]) await store.append(aLife({ answerTimeMs }).facts);
    await store.append(aLife().facts.slice(0, 2));
    assert.deepEqual(await store.recentAnswerTimesMs('deal_analysis', 2), [30, 20]);
    assert.deepEqual(await store.recentAnswerTimesMs('general', 10), []);
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
