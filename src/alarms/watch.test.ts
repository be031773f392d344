import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LiveRecord } from '../record/live.ts';
import { Database } from '../sqlite/database.ts';
import { aLife } from '../store/contract/life.ts';
import type { Leases } from '../store/leases.ts';
import { createLocalLeases } from '../store/local/leases.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import type { Notification } from '../tools/notify/notify.ts';
import type { AlarmSources } from './measures.ts';
import { parseAlarmRules } from './rule.ts';
import { AlarmWatch } from './watch.ts';

const free: Leases = { take: async () => ({ fence: 1, renew: async () => true, release: async () => {} }) };

function settle(context: TestContext, rules = 'dead_letters>0') {
  const folder = mkdtempSync(join(tmpdir(), 'alarms-'));
  const database = new Database(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {} }));
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const world = { now: 1_786_699_000_000, deadLetters: 0, fails: false, isAway: false, awayAt: 0 };
  const told: Notification[] = [];
  const toldAtOnce: Notification[] = [];
  const lines: string[] = [];
  const endings = async (since: number, until: number) => {
    if (world.isAway) throw new Error('away');
    return store.endings(since, until);
  };
  const sources: AlarmSources = {
    store: { ...store, endings },
    deadLetters: async () => world.deadLetters,
    objectsProblem: () =>
      world.awayAt > 0 ? { message: 'The bucket hangs.', since: world.awayAt } : undefined,
    problemOf: async (trackingId) => (await store.conversation(trackingId))?.problem ?? undefined,
  };
  const watch = (leases: Leases = free) =>
    new AlarmWatch({
      ...{
        rules: parseAlarmRules(rules),
        reminderMs: 3_600_000,
        sources,
        store,
        leases,
        clock: () => world.now,
      },
      async notify(notification) {
        if (world.fails) throw new Error('no room');
        if (!told.some(({ id }) => id === notification.id)) told.push(notification);
      },
      place: { name: 'here', url: 'https://signalbox.example' },
      tellAtOnce: async (notification) => void toldAtOnce.push(notification),
      log: {
        alarm: (line) => void lines.push(`${line.state} ${line.alarm}`),
        failed: (message) => void lines.push(message),
      },
    });
  return { store, world, told, toldAtOnce, lines, watch };
}

test('an alarm is told once, also across starts, and its end as well', async (context) => {
  const { world, told, lines, watch } = settle(context);
  world.deadLetters = 2;
  await watch().look();
  await watch().look();
  world.now += 60_000;
  await watch().look();
  assert.deepEqual(
    told.map(({ title, text }) => [title, text]),
    [['There are dead letters', '2 runs have failed for good, and were not started anew.']],
  );
  const [alarm] = await watch().alarms();
  assert.equal(alarm?.state?.status, 'firing');
  assert.equal(alarm.state.since, world.now - 60_000);
  world.deadLetters = 0;
  await watch().look();
  world.now += 300_000;
  await watch().look();
  assert.deepEqual(
    told.map(({ title, level }) => [title, level]),
    [
      ['There are dead letters', 'problem'],
      ['Over: There are dead letters', 'resolved'],
    ],
  );
  assert.deepEqual(lines, ['firing dead_letters', 'resolved dead_letters']);
});

test('what could not be told is told by whoever looks next, under the same id', async (context) => {
  const { store, world, told, watch } = settle(context);
  world.deadLetters = 1;
  world.fails = true;
  await watch().look();
  assert.equal(told.length, 0);
  const [kept] = await store.alarms();
  const { id } = (kept!.state as unknown as { pending: { id: string } }).pending;
  world.fails = false;
  world.now += 30_000;
  await watch().look();
  assert.deepEqual(
    told.map((notification) => notification.id),
    [id],
  );
  await watch().look();
  assert.equal(told.length, 1);
});

test('one of many looks, and whoever had the lease before changes nothing any more', async (context) => {
  const { world, told, lines, watch } = settle(context);
  world.deadLetters = 1;
  const leases = createLocalLeases();
  await Promise.all(Array.from({ length: 5 }, () => watch(leases).look()));
  assert.equal(told.length, 1);
  // Two that both believe that they have it.
  world.now += 3_600_000;
  await Promise.all([watch().look(), watch().look()]);
  assert.deepEqual(
    told.map(({ title }) => title),
    ['There are dead letters', 'Still: There are dead letters'],
  );
  assert.deepEqual(lines, ['firing dead_letters', 'reminder dead_letters']);
});

test('each rule measures the record', async (context) => {
  const rules = 'default,queue_age>2m,verification_failures>0/5m,missed_schedules>0';
  const { store, world, told, watch } = settle(context, rules);
  const at = world.now - 700_000;
  const [waiting, working, undelivered] = [aLife({ at }), aLife({ at }), aLife({ at })];
  await store.append(waiting.facts.slice(0, 1));
  await store.append(working.facts.slice(0, 2));
  await store.append(undelivered.facts.slice(0, 5));
  for (let n = 0; n < 2; n++) {
    const { facts } = aLife({ at: world.now - 1_000 });
    const end = facts.at(-1)!;
    await store.append([
      ...facts.slice(0, -1).filter(({ type }) => type !== 'WEBHOOK_DELIVERY_SUCCESS'),
      { ...end, data: { ...end.data, status: 'failed' } },
    ]);
  }
  await watch().look();
  assert.deepEqual(told.map(({ text }) => text).sort(), [
    '2 of the 2 conversations that ended within 5 min failed (100 %). The latest: The receiver answered 500',
    `A question has been worked on for 11 min 40 s, since ${new Date(at).toISOString()}.`,
    `A question has waited for its turn for 11 min 40 s, since ${new Date(at).toISOString()}.`,
    `An answer has not reached its receiver for 11 min 40 s, since ${new Date(at).toISOString()}.`,
  ]);
  const states = (await watch().alarms()).map(({ rule, state }) => `${rule.name} ${state?.status}`);
  assert.deepEqual(states, [
    'error_rate firing',
    'processing_time firing',
    'delivery_age firing',
    'objects_away ok',
    'dead_letters ok',
    'queue_age firing',
    'verification_failures ok',
    'missed_schedules undefined',
  ]);
});

test('one that cannot be measured holds up no other', async (context) => {
  const { world, told, lines, watch } = settle(context, 'error_rate>5%/5m,dead_letters>0');
  world.deadLetters = 1;
  world.isAway = true;
  await watch().look();
  assert.equal(told.length, 1);
  assert.deepEqual(lines, [
    'The alarm error_rate could not be looked at; it is looked at again',
    'firing dead_letters',
  ]);
});

test('what is told says where, since when, why, what to do, and leads there', async (context) => {
  const { store, world, told, watch } = settle(context, 'delivery_age>10m');
  const { facts, trackingId } = aLife({ at: world.now - 700_000 });
  const outcome = facts.find(({ type }) => type === 'WEBHOOK_DELIVERY_SUCCESS')!;
  const reason = 'The connection was refused (ECONNREFUSED).';
  const { statusCode: _, ...data } = outcome.data as Record<string, unknown>;
  const failed = { ...data, statusCode: null, reason, nextAttemptAt: world.now + 1_000 };
  await store.append([
    ...facts.slice(0, 5),
    { ...outcome, type: 'WEBHOOK_DELIVERY_FAILED', data: failed } as never,
  ]);
  await watch().look();
  world.now += 3_600_000;
  await watch().look();
  const [first, still] = told;
  assert.match(
    first!.text,
    /^An answer has not reached its receiver for 11 min 40 s, since 2026-.*Z\. Its latest attempt: The connection was refused/,
  );
  assert.deepEqual(first!.link, {
    title: 'Open it in Signalbox',
    url: `https://signalbox.example/page/conversations/${trackingId}`,
  });
  const factOf = (name: string) => first!.facts.find((fact) => fact.name === name)?.value;
  assert.equal(factOf('Where'), 'here');
  assert.equal(factOf('Since'), new Date(world.now - 3_600_000).toISOString());
  assert.match(factOf('What to do')!, /Look at the receiver/);
  assert.equal(factOf('Alarm'), 'delivery_age, at more than 10 min');
  assert.equal(still?.title, 'Still: Answers do not arrive');
  assert.equal(still.facts.find(({ name }) => name === 'For')?.value, '1 h');
});

test('that alarms cannot be looked at is told without store and engine, reminded of, and its end as well', async (context) => {
  const { world, told, toldAtOnce, watch } = settle(context, 'error_rate>5%/5m');
  const watching = watch();
  const looks = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await watching.look();
      world.now += 30_000;
    }
  };
  world.isAway = true;
  await looks(4);
  assert.deepEqual(toldAtOnce, []);
  await looks(130);
  world.isAway = false;
  await looks(3);
  assert.deepEqual(
    toldAtOnce.map(({ level, title, text }) => [level, title, text]),
    [
      ['problem', "Signalbox can't look at its alarms", 'away'],
      ['problem', "Still: Signalbox can't look at its alarms", 'away'],
      ['resolved', "Over: Signalbox can't look at its alarms", 'They are looked at again.'],
    ],
  );
  assert.equal(new Set(toldAtOnce.map(({ id }) => id)).size, 3);
  assert.deepEqual(told, []);
  world.isAway = true;
  await looks(2);
  world.isAway = false;
  await looks(1);
  assert.equal(toldAtOnce.length, 3, 'a moment is nothing');
});

test('a store of objects that is away for long is told, with what it says', async (context) => {
  const { world, told, watch } = settle(context, 'objects_away>10m');
  world.awayAt = world.now - 600_000;
  await watch().look();
  assert.equal(told.length, 0);
  world.now += 60_000;
  await watch().look();
  assert.equal(told[0]?.title, 'The store of objects is away');
  assert.match(told[0].text, /^For 11 min, since 2026-.*, exports .* have waited\. The bucket hangs\.$/);
  world.awayAt = 0;
  await watch().look();
  world.now += 300_000;
  await watch().look();
  assert.equal(told[1]?.title, 'Over: The store of objects is away');
});
