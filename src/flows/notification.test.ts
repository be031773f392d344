import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSlack } from '../../test/fixtures/chat-webhooks.ts';
import { Secret } from '../core/secret.ts';
import { EmbeddedEngine } from '../engine/embedded/engine.ts';
import { createSender } from '../outbound/send.ts';
import { Database } from '../sqlite/database.ts';
import { aNotification } from '../tools/notify/contract.ts';
import { createSlackNotifier } from '../tools/notify/slack.ts';
import { createNotificationFlow, createNotify } from './notification.ts';

const observer = { runFailed() {}, runPaused() {}, storageFailed() {} };

async function settle() {
  const folder = mkdtempSync(join(tmpdir(), 'notification-'));
  const sender = createSender();
  const slack = await startSlack();
  const notifiers = [createSlackNotifier(new Secret(slack.url), sender)];
  const flow = createNotificationFlow({ notifiers, retry: { maxAttempts: 4, delaysMs: [1] } });
  const open = (flows = [flow]) => {
    const database = new Database(join(folder, 'signalbox.sqlite'));
    const engine = new EmbeddedEngine({ database, flows, writeFacts: () => {}, observer });
    engine.recover();
    const close = async () => {
      await engine.stop(0);
      database.close();
    };
    return { engine, notify: createNotify(engine, flow, notifiers), close };
  };
  const end = async () => {
    await sender.close();
    await slack.close();
    rmSync(folder, { recursive: true });
  };
  return { slack, flow, open, end };
}

const theRun = async ({ engine }: { engine: EmbeddedEngine }) => {
  const { runs } = await engine.list();
  assert.equal(runs.length, 1);
  return engine.wait(runs[0]!.runId);
};

test('a notification is told once under its id, and again until it is taken', async () => {
  const { slack, open, end } = await settle();
  slack.next('broken');
  slack.next('away');
  const one = open();
  await Promise.all([one.notify(aNotification), one.notify(aNotification)]);
  assert.equal((await theRun(one)).status, 'succeeded');
  await one.notify(aNotification);
  assert.equal((await theRun(one)).status, 'succeeded');
  assert.deepEqual([slack.shown.length, slack.count()], [1, 3]);
  await one.close();
  await end();
});

test('a notification that a process did not get to is told by the next one, once', async () => {
  const { slack, open, end } = await settle();
  slack.next('silent');
  const first = open();
  await first.notify(aNotification);
  await first.close();
  const second = open();
  await second.notify(aNotification);
  assert.equal((await theRun(second)).status, 'succeeded');
  assert.equal(slack.shown.length, 1);
  await second.close();
  await end();
});

test('what is refused, or for a place that is no longer configured, is a dead letter at once', async () => {
  const { slack, open, end } = await settle();
  slack.next('gone');
  const one = open();
  await one.notify(aNotification);
  const run = await theRun(one);
  assert.equal(run.status, 'failed');
  assert.match(run.error!.message, /Slack did not take it\. The receiver answered 404: no_service/);
  assert.equal(slack.count(), 1);
  await one.close();
  const without = open([createNotificationFlow({ notifiers: [] })]);
  const { runId } = await without.engine.restart(run.runId);
  assert.match((await without.engine.wait(runId)).error!.message, /Nothing is configured for slack/);
  await without.close();
  await end();
});

test('what has become outdated while its place was away is not sent any more', async () => {
  const { slack, open, end } = await settle();
  const sender = createSender();
  const notifiers = [createSlackNotifier(new Secret(slack.url), sender)];
  const outdated = new Set<string>();
  const flow = createNotificationFlow({
    notifiers,
    retry: { maxAttempts: 4, delaysMs: [1] },
    isOutdated: async (id) => outdated.has(id),
  });
  const one = open([flow]);
  const notify = createNotify(one.engine, flow, notifiers);
  outdated.add(aNotification.id);
  const [told] = await notify(aNotification);
  assert.equal((await one.engine.wait(told!.runId)).status, 'succeeded');
  assert.deepEqual([told!.channel, slack.count()], ['slack', 0]);
  const [newer] = await notify({ ...aNotification, id: 'alarm/dead_letters/1786699113360/2' });
  await one.engine.wait(newer!.runId);
  assert.equal(slack.shown.length, 1);
  await one.close();
  await sender.close();
  await end();
});
