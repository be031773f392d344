import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startSlack } from '../../test/fixtures/chat-webhooks.ts';
import { answer } from '../../test/fixtures/receiver.ts';
import type { Agent } from '../agents/agent.ts';
import { readConfig } from '../config/config.ts';
import type { Run, RunFilter } from '../engine/engine.ts';
import { createLog } from '../observe/log.ts';
import { countDeadLetters } from './alarms.ts';
import { compose } from './compose.ts';

const agent: Agent = {
  name: 'brief',
  answer: async () => ({ markdown: 'short', plain: 'short', toolCalls: [], understood: true }),
};

async function settle(context: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-alarms-'));
  const slack = await startSlack();
  context.after(async () => {
    await slack.close();
    rmSync(dataDir, { recursive: true });
  });
  const variables = {
    ...{ SIGNALBOX_DATA_DIR: dataDir, SIGNALBOX_PUBLIC_URL: 'https://signalbox.example' },
    ...{ SLACK_WEBHOOK_URL: slack.url, SIGNALBOX_DELIVERY_SCHEDULE: '1ms' },
    // Nobody listens there.
    WEBHOOK_URL: 'http://127.0.0.1:9/',
  };
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
  const start = async () => {
    const signalbox = await compose(readConfig(variables), log, agent);
    signalbox.recover();
    const { server } = signalbox.app;
    const call = async (method: 'GET' | 'POST', url: string, headers = {}, payload?: object) =>
      server.inject({ method, url, headers: { host: 'localhost', ...headers }, ...(payload && { payload }) });
    return { call, stop: () => signalbox.stop(1_000) };
  };
  return { slack, lines, start };
}

async function until<T>(get: () => Promise<T> | T, holds: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(10)) {
    const value = await get();
    if (holds(value)) return value;
  }
  throw new Error('It did not happen within 15 s.');
}

test('a sign-in page that answers in the place of Slack is seen, and the test is told again', async (context) => {
  const { slack, start } = await settle(context);
  const { call, stop } = await start();
  context.after(stop);
  slack.nextAnswer(answer(200, { 'content-type': 'text/html' }, '<!doctype html><title>Sign in</title>'));
  assert.equal((await call('POST', '/alarms/test')).statusCode, 202);
  const told = async () => (await call('GET', '/alarms')).json().places[0];
  const { error } = await until(told, (place) => place.error !== null);
  assert.match(error, /^Slack did not take it\. It answered 200, but with a page/);
  const { status } = await until(told, (place) => place.status === 'succeeded');
  assert.deepEqual([status, (await told()).error, slack.count()], ['succeeded', null, 2]);
});

test('a dead letter is told in Slack, on the page, by API and in the log, once across starts', async (context) => {
  const { slack, lines, start } = await settle(context);
  const first = await start();
  const timestamp = new Date().toISOString();
  const body = { query: 'Hi', source_system: 'crm', source_process: 'p', timestamp };
  assert.equal((await first.call('POST', '/webhook', {}, body)).statusCode, 202);
  const dead = async () => (await first.call('GET', '/dead-letters')).json().dead_letters.length as number;
  await until(dead, (count) => count === 1);
  await first.stop();

  const second = await start();
  await until(
    () => slack.shown.length,
    (count) => count === 1,
  );
  assert.match(slack.shown[0]!, /There are dead letters\n1 run has failed for good/);
  assert.match(slack.shown[0]!, /<https:\/\/signalbox\.example\/page\/dead-letters\|/);
  const alarms = (await second.call('GET', '/alarms')).json();
  assert.deepEqual(alarms.channels, ['slack']);
  const status = alarms.alarms.map((one: { rule: string; status: string }) => `${one.rule} ${one.status}`);
  assert.deepEqual(status, [
    'error_rate>5%/5m ok',
    'processing_time>10m ok',
    'delivery_age>10m ok',
    'objects_away>10m ok',
    'dead_letters>0 firing',
  ]);
  assert.match((await second.call('GET', '/', { accept: 'text/html' })).body, /Alarm dead letters\./);
  const metrics = (await second.call('GET', '/metrics')).body;
  assert.match(metrics, /signalbox_alarm_firing\{alarm="dead_letters"\} 1\n/);
  assert.match(metrics, /signalbox_alarm_firing\{alarm="error_rate"\} 0\n/);
  assert.match(metrics, /signalbox_dead_letters\{flow="delivery"\} 1\n/);
  assert.match(metrics, /signalbox_dead_letters\{flow="query"\} 0\n/);
  assert.match(metrics, /signalbox_oldest_conversation_age_seconds\{status="delivering"\} 0\n/);
  await second.stop();

  const third = await start();
  const tested = await third.call('POST', '/alarms/test');
  assert.equal(tested.statusCode, 202);
  const [{ channel, run_id: runId }] = tested.json().runs;
  const ended = async () => (await third.call('GET', `/runs/${runId}`)).json().status as string;
  assert.equal(await until(ended, (status) => status !== 'running' && status !== 'queued'), 'succeeded');
  const { places } = (await third.call('GET', '/alarms')).json();
  assert.deepEqual(
    places.map(({ channel, run_id, status, error }: Record<string, unknown>) => [
      channel,
      run_id,
      status,
      error,
    ]),
    [[channel, runId, 'succeeded', null]],
  );
  await until(
    () => slack.shown.length,
    (count) => count === 2,
  );
  assert.match(slack.shown[1]!, /Signalbox can reach you here/);
  const silence = (alarm: string, time: string) =>
    third.call('POST', `/alarms/${alarm}/silence`, {}, { for: time });
  assert.deepEqual(
    [(await silence('nope', '1h')).statusCode, (await silence('dead_letters', '1y')).statusCode],
    [404, 422],
  );
  const silencedUntil = (await silence('dead_letters', '8h')).json().silenced_until as string;
  const shown = async () => (await third.call('GET', '/alarms')).json().alarms.at(-1).silenced_until;
  assert.equal(await shown(), silencedUntil);
  assert.equal((await silence('dead_letters', 'off')).json().silenced_until, null);
  assert.equal(await shown(), null);
  await third.stop();
  const said = lines.map((line) => JSON.parse(line)).filter(({ alarm }) => alarm !== undefined);
  assert.deepEqual(
    said.map(({ level, message, alarm }) => `${level} ${message} ${alarm}`),
    ['ERROR Alarm dead_letters'],
  );
});

test('half of what e-mail needs stops the start', async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-alarms-'));
  context.after(() => rmSync(dataDir, { recursive: true }));
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const config = readConfig({ SIGNALBOX_DATA_DIR: dataDir, SIGNALBOX_SMTP_URL: 'smtp://mail.example.com' });
  await assert.rejects(compose(config, log, agent), {
    code: 'config_invalid',
    message: /Not set: SIGNALBOX_NOTIFY_EMAIL_TO, SIGNALBOX_NOTIFY_EMAIL_FROM\./,
  });
});

test('dead letters of notifications, however many, hide no other', async () => {
  const failed = (count: number, flow: string) => Array.from({ length: count }, () => ({ flow }) as Run);
  const all = [...failed(700, 'notification'), ...failed(2, 'query'), ...failed(200, 'notification')];
  const engine = {
    async list({ after = '0', limit = 50 }: RunFilter = {}) {
      const [from, to] = [Number(after), Number(after) + limit];
      return { runs: all.slice(from, to), ...(to < all.length && { next: String(to) }) };
    },
  };
  assert.equal(await countDeadLetters(engine), 2);
  all.push(...failed(150, 'delivery'));
  assert.equal(await countDeadLetters(engine), 100);
});

test('a server for others that tells nobody of alarms says so at its start', async (context) => {
  const warningsOf = async (variables: Record<string, string>) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-alarms-'));
    context.after(() => rmSync(dataDir, { recursive: true }));
    const lines: string[] = [];
    const log = createLog({ level: 'warn', format: 'json', write: (line) => void lines.push(line) });
    const config = readConfig({ SIGNALBOX_DATA_DIR: dataDir, ...variables });
    const signalbox = await compose(config, log, agent);
    signalbox.recover();
    await signalbox.stop(1_000);
    return lines.filter((line) => /Nobody is told of alarms/.test(line)).length;
  };
  const key = { SIGNALBOX_API_KEYS: 'ops:admin:0123456789abcdef0123456789abcdef' };
  assert.equal(await warningsOf({ HOST: '0.0.0.0', ...key }), 1);
  assert.equal(await warningsOf({ HOST: '0.0.0.0', ...key, SIGNALBOX_ALARMS: 'off' }), 0);
  assert.equal(await warningsOf({}), 0);
});
