import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  answerPlainly,
  type LogLine,
  type System,
  type SystemOptions,
  startSystem,
  webhookSecret,
} from '../../../test/fixtures/conversations.ts';
import { answer, type Receiver, startReceiver } from '../../../test/fixtures/receiver.ts';
import type { AgentQuestion } from '../../agents/agent.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { Run } from '../../engine/engine.ts';

let receiver: Receiver;
const systems: System[] = [];

before(async () => {
  receiver = await startReceiver({ secret: webhookSecret });
});
beforeEach(() => receiver.received.splice(0));
afterEach(async () => {
  for (const system of systems.splice(0)) await system.close();
});
after(() => receiver.close());

const shortSchedule = [5, 10, 20];

async function start(options: SystemOptions = {}): Promise<System> {
  const endpoints = { defaultUrl: receiver.url, defaultSchedule: shortSchedule };
  const system = await startSystem({ endpoints, ...options });
  systems.push(system);
  return system;
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const bodies = () => receiver.received.map((delivery) => JSON.parse(delivery.body));
const typesOf = async (system: System, trackingId: string) =>
  (await system.store.events(trackingId)).map((event) => event.type.replace('WEBHOOK_', ''));

test('what is delivered is what the contract says, key by key, and signed', async () => {
  const { ask, completed, store } = await start();
  const trackingId = await ask();
  const conversation = await completed(trackingId);
  const [body] = bodies();
  const { session_id, timestamp } = body.ai_response;
  const { delivered_at } = body.webhook_metadata;
  assert.deepEqual(body, {
    tracking_id: trackingId,
    source_system: 'testing_system',
    source_process: 'phase3_validation',
    original_query: 'What is the deal status for IXIS?',
    ai_response: {
      response: '**Answer** to What is the deal status for IXIS?',
      response_plain: 'Answer to What is the deal status for IXIS?',
      session_id,
      timestamp,
    },
    webhook_metadata: {
      delivered_at,
      webhook_url: receiver.url,
      conversation_id: conversation.conversationId,
      delivery_id: conversation.deliveryId,
      webhook_type: 'deal_analysis',
      attempt: 1,
    },
  });
  assert.match(session_id, /^webhook_\d{8}_[0-9a-z]{6}$/);
  assert.match(timestamp, isoTime);
  assert.match(delivered_at, isoTime);
  const [delivery] = receiver.received;
  assert.equal(delivery?.verified, true);
  assert.equal(delivery?.headers['webhook-id'], conversation.deliveryId);
  assert.equal(delivery?.headers['content-type'], 'application/json');
  assert.equal((await store.summary(trackingId))?.status, 'delivered');
});

test('the record is complete and in order, and the log says what saved filters match', async () => {
  const system = await start();
  const trackingId = await system.ask();
  const conversation = await system.completed(trackingId);
  assert.deepEqual(await typesOf(system, trackingId), [
    'REQUEST_RECEIVED',
    'MANAGER_AGENT_INVOKED',
    'MANAGER_AGENT_RESPONSE',
    'RESPONSE_CLASSIFIED',
    'OUTBOUND_QUEUED',
    'DELIVERY_SUCCESS',
    'CONVERSATION_COMPLETED',
  ]);
  assert.equal(conversation.answer?.toolCalls[0]?.tool, 'warehouse.query');
  assert.equal(conversation.answer.agent, 'test agent');
  assert.ok(conversation.totalTimeMs !== null && conversation.totalTimeMs >= conversation.answerTimeMs!);
  const messages = system.lines.map((line) => line.message);
  assert.ok(messages.includes('Bedrock Agent attempt 1'));
  assert.ok(messages.includes('Webhook processing completed successfully'));
  assert.equal(system.lines.filter((line) => line.event_type !== undefined).length, 7);
  assert.ok(system.lines.every((line) => line.tracking_id === trackingId));
});

test('a type has its own URL, and the answer decides the type', async () => {
  const urls = { lead_analysis: `${receiver.url}/leads` };
  const agent = async () => ({
    ...(await answerPlainly({ question: 'x' } as never)),
    topic: 'lead' as const,
  });
  const { ask, completed } = await start({ agent, endpoints: { urls } });
  const conversation = await completed(await ask());
  assert.equal(conversation.webhookType, 'lead_analysis');
  assert.equal(receiver.received[0]?.path, '/hook/leads');
  assert.equal(bodies()[0].webhook_metadata.webhook_type, 'lead_analysis');
});

test('without a URL the answer is in the record', async () => {
  const system = await start({ endpoints: {} });
  const trackingId = await system.ask();
  const conversation = await system.completed(trackingId);
  assert.deepEqual(
    [conversation.status, conversation.deliveryStatus, conversation.attempts],
    ['delivered', 'not_configured', 0],
  );
  assert.match(conversation.answer?.response ?? '', /Answer/);
  assert.equal(receiver.received.length, 0);
});

test('a receiver that fails gets the same message again, with the same id', async () => {
  receiver.next(
    answer(500),
    { kind: 'close_before_headers' },
    answer(302, { location: 'http://127.0.0.1:9/' }),
  );
  const system = await start();
  const conversation = await system.completed(await system.ask());
  assert.equal(conversation.status, 'delivered');
  assert.deepEqual(
    conversation.deliveries.map(({ attempt, delivered, statusCode }) => [attempt, delivered, statusCode]),
    [
      [1, false, 500],
      [2, false, null],
      [3, false, 302],
      [4, true, 200],
    ],
  );
  const { receivedAt, deliveries } = conversation;
  assert.ok(deliveries.slice(0, 3).every(({ nextAttemptAt }) => nextAttemptAt! >= receivedAt));
  assert.equal(deliveries[3]!.nextAttemptAt, null);
  assert.deepEqual(new Set(receiver.received.map((one) => one.headers['webhook-id'])).size, 1);
  assert.ok(receiver.received.every((one) => one.verified));
  assert.deepEqual(
    bodies().map((body) => body.webhook_metadata.attempt),
    [1, 2, 3, 4],
  );
  assert.equal(conversation.problem, null);
});

test('a receiver that hangs is given up at the timeout and tried again', async () => {
  receiver.next({ kind: 'hang_before_headers' }, { kind: 'hang_in_body' }, { kind: 'trickle', everyMs: 10 });
  const system = await start({ sendTimeoutMs: 400 });
  const conversation = await system.completed(await system.ask());
  assert.deepEqual([conversation.status, conversation.attempts], ['delivered', 4]);
});

test('credentials of a configured URL are sent, and shown nowhere', async () => {
  const defaultUrl = receiver.url.replace('http://', 'http://user:p%40ss@');
  const system = await start({ endpoints: { defaultUrl } });
  const trackingId = await system.ask();
  await system.completed(trackingId);
  const [delivery] = receiver.received;
  assert.equal(delivery?.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  assert.equal(bodies()[0].webhook_metadata.webhook_url, receiver.url);
  const record = JSON.stringify([await system.store.events(trackingId), system.lines]);
  assert.doesNotMatch(record, /p@ss|p%40ss/);
});

test('a delivery that is cancelled ends the conversation; so does a question', async () => {
  receiver.next(answer(503, { 'retry-after': '3600' }));
  const system = await start();
  const trackingId = await system.ask();
  await receiver.waitFor(1);
  await eventually(async () => (await system.store.summary(trackingId))?.attempts === 1);
  const [delivery] = (await system.engine.list({ flow: 'delivery' })).runs;
  await system.engine.cancel(delivery!.runId, 'no longer wanted');
  const conversation = await system.completed(trackingId);
  assert.deepEqual([conversation.status, conversation.deliveryStatus], ['delivery_failed', 'failed']);
  assert.match(conversation.problem ?? '', /cancelled: no longer wanted/);

  const slow = await start({ agent: () => new Promise(() => {}) });
  const askedId = await slow.ask();
  await eventually(async () => (await slow.store.summary(askedId))?.status === 'processing');
  await slow.engine.cancel(askedId, 'no longer wanted');
  const asked = await slow.completed(askedId);
  assert.deepEqual([asked.status, asked.error?.code], ['failed', 'run_cancelled']);
  assert.equal(bodies().at(-1).error.code, 'run_cancelled');
});

test('what is terminated does not leave its conversation open, wherever it stands', async () => {
  const slow = await start({ agent: () => new Promise(() => {}) });
  const askedId = await slow.ask();
  await eventually(async () => (await slow.store.summary(askedId))?.status === 'processing');
  await slow.engine.terminate(askedId, 'stuck');
  const asked = await slow.completed(askedId);
  assert.deepEqual([asked.status, asked.deliveryStatus, asked.complete], ['failed', 'failed', true]);
  assert.match(asked.problem ?? '', /terminated: stuck/);
  await slow.engine.terminate(askedId, 'again');
  const events = (await slow.store.events(askedId)).map(({ type }) => type);
  assert.equal(events.filter((type) => type === 'WEBHOOK_CONVERSATION_COMPLETED').length, 1);

  receiver.next(answer(503, { 'retry-after': '3600' }));
  const system = await start();
  const deliveredId = await system.ask();
  await eventually(async () => (await system.store.summary(deliveredId))?.attempts === 1);
  const [delivery] = (await system.engine.list({ flow: 'delivery' })).runs;
  await system.engine.terminate(delivery!.runId, 'stuck');
  const ended = await system.completed(deliveredId);
  assert.deepEqual([ended.status, ended.attempts, ended.complete], ['delivery_failed', 1, true]);
});

test('Retry-After is obeyed, as seconds and as a date', async () => {
  const inTwoSeconds = () => new Date(Date.now() + 2_000).toUTCString();
  receiver.next(answer(429, { 'retry-after': '1' }), answer(503, { 'retry-after': inTwoSeconds() }));
  const system = await start();
  const conversation = await system.completed(await system.ask());
  assert.equal(conversation.attempts, 3);
  const [first, second] = receiver.received;
  assert.ok(second!.at - first!.at >= 1_000, `${second!.at - first!.at} ms`);
});

test('a delivery that is used up is a dead letter, and a replay delivers the same message', async () => {
  receiver.next(...Array.from({ length: 4 }, () => answer(500, {}, 'out of order')));
  const system = await start();
  const trackingId = await system.ask();
  const conversation = await system.completed(trackingId);
  assert.deepEqual(
    [conversation.status, conversation.deliveryStatus, conversation.attempts, conversation.problem],
    ['delivery_failed', 'failed', 4, 'The receiver answered 500: out of order'],
  );
  const dead = await deadLetter(system, 'delivery');
  assert.equal(dead.error?.code, 'delivery_exhausted');
  assert.match(dead.error?.message ?? '', /answered 500: out of order\. Start the dead letter anew/);
  const alert = system.lines.find((line) => line.error_code === 'delivery_exhausted');
  assert.equal(alert?.level, 'ERROR');
  await system.engine.restart(dead.runId);
  await receiver.waitFor(5);
  await system.engine.wait((await system.engine.get(dead.runId))!.restartedAs!);
  const replayed = await system.completed(trackingId);
  assert.deepEqual([replayed.status, replayed.deliveryStatus], ['delivered', 'delivered']);
  assert.equal(new Set(receiver.received.map((one) => one.headers['webhook-id'])).size, 1);
  assert.equal(replayed.deliveries.length, 5);
});

test('410 disables the endpoint; what follows is a dead letter at once, until it is enabled', async () => {
  receiver.next(answer(410));
  const system = await start();
  const first = await system.completed(await system.ask());
  assert.deepEqual([first.status, first.attempts], ['delivery_failed', 1]);
  assert.equal((await system.store.disabledEndpoint(receiver.url))?.url, receiver.url);
  const secondId = await system.ask();
  const second = await system.completed(secondId);
  assert.equal(second.status, 'delivery_failed');
  assert.match(second.problem ?? '', /disabled since .* 410 Gone/);
  assert.equal(receiver.received.length, 1);
  const dead = await deadLetter(system, 'delivery', secondId);
  assert.equal(dead.error?.code, 'endpoint_disabled');
  await system.store.enableEndpoint(receiver.url);
  const { runId } = await system.engine.restart(dead.runId);
  await system.engine.wait(runId);
  assert.equal((await system.store.summary(secondId))?.status, 'delivered');
});

test('while the circuit is open deliveries wait, and no attempt is used up', async () => {
  receiver.otherwise(answer(500));
  const system = await start({
    breaker: { failureThreshold: 2, successThreshold: 1, timeoutMs: 40 },
    endpoints: { defaultUrl: receiver.url, defaultSchedule: Array(40).fill(5) },
  });
  const ids = await Promise.all(Array.from({ length: 5 }, () => system.ask()));
  const saysHeld = (line: LogLine) => /circuit of its endpoint is open/.test(String(line.message));
  await eventually(() => system.lines.some(saysHeld));
  receiver.otherwise(answer(200));
  const conversations = await Promise.all(ids.map((id) => system.completed(id)));
  assert.ok(conversations.every((conversation) => conversation.status === 'delivered'));
  assert.ok(system.lines.some((line) => line.message === 'Circuit open'));
  assert.ok(system.lines.some((line) => line.message === 'Circuit closed'));
});

test('an agent that fails is asked again, and each attempt is a line', async () => {
  let calls = 0;
  const keys = new Set<string>();
  const system = await start({
    agentRetry: { maxAttempts: 4, delaysMs: [1, 1, 1] },
    agent: async (question) => {
      keys.add(question.idempotencyKey);
      if (++calls < 4) throw new Error('throttled');
      return await answerPlainly(question);
    },
  });
  const conversation = await system.completed(await system.ask());
  assert.equal(conversation.status, 'delivered');
  const attempts = system.lines.filter((line) => /^Bedrock Agent attempt/.test(String(line.message)));
  assert.deepEqual(
    attempts.map((line) => line.message),
    [1, 2, 3, 4].map((attempt) => `Bedrock Agent attempt ${attempt}`),
  );
  assert.equal(keys.size, 1);
});

test('when the agent fails for good the caller hears it, and asking anew delivers under a new id', async () => {
  let works = false;
  const system = await start({
    agentRetry: { maxAttempts: 2, delaysMs: [1] },
    agent: async (question) => {
      if (works) return await answerPlainly(question);
      throw new SignalboxError('warehouse_unavailable', 'The warehouse is away.');
    },
  });
  const trackingId = await system.ask();
  const failed = await system.completed(trackingId);
  assert.deepEqual([failed.status, failed.deliveryStatus], ['failed', 'delivered']);
  assert.deepEqual(failed.error, {
    code: 'warehouse_unavailable',
    message: 'The warehouse is away.',
    recoverable: true,
  });
  const [body] = bodies();
  assert.deepEqual(Object.keys(body), [
    'tracking_id',
    'source_system',
    'source_process',
    'original_query',
    'ai_response',
    'error',
    'webhook_metadata',
  ]);
  assert.equal(body.ai_response, null);
  assert.deepEqual(body.error, failed.error);
  assert.ok(
    system.lines.some((line) => line.level === 'ERROR' && line.message === 'Webhook processing failed'),
  );
  const dead = await deadLetter(system, 'query');
  assert.equal(dead.runId, trackingId);
  works = true;
  const { runId } = await system.engine.restart(trackingId);
  await system.engine.wait(runId);
  await receiver.waitFor(2);
  const answered = await system.completed(trackingId);
  assert.deepEqual([answered.status, answered.error], ['delivered', null]);
  const [first, second] = receiver.received.map((one) => one.headers['webhook-id']);
  assert.notEqual(first, second);
});

test('the account of a failure whose delivery fails leaves the conversation failed', async () => {
  receiver.next(...Array.from({ length: 4 }, () => answer(500)));
  const system = await start({
    agentRetry: { maxAttempts: 1, delaysMs: [] },
    agent: () => Promise.reject(new Error('no')),
  });
  const conversation = await system.completed(await system.ask());
  assert.deepEqual([conversation.status, conversation.deliveryStatus], ['failed', 'failed']);
  assert.equal(conversation.error?.code, 'agent_failed');
});

test('an agent that never ends is given up in its time', async () => {
  let aborted = false;
  const system = await start({
    agentTimeoutMs: 50,
    agent: (question) => {
      question.signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => {});
    },
  });
  const conversation = await system.completed(await system.ask());
  assert.deepEqual([conversation.status, conversation.error?.code], ['failed', 'step_timeout']);
  assert.equal(aborted, true);
});

test('a question that is cancelled once it is answered is closed, and the caller hears of it', async () => {
  let ids: string[] = [];
  const system = await start({
    agent: async (question) => {
      const answer = await answerPlainly(question);
      // Its turn comes after the answer of this step, and before the delivery is started.
      setImmediate(() => void Promise.all(ids.map((id) => system.engine.cancel(id, 'too late'))));
      return answer;
    },
  });
  for (let n = 0; n < 20; n++) {
    const trackingId = await system.ask();
    ids = [trackingId];
    const conversation = await system.completed(trackingId);
    assert.ok(['delivered', 'failed'].includes(conversation.status), conversation.status);
  }
});

test('an answer of any length arrives, shortened', async () => {
  const system = await start({
    agent: async (question) => ({ ...(await answerPlainly(question)), markdown: '"\n'.repeat(500_000) }),
  });
  const conversation = await system.completed(await system.ask('ü'.repeat(10_000)));
  assert.equal(conversation.status, 'delivered');
  assert.match(bodies()[0].ai_response.response, /Shortened: the whole answer has 1000000 characters/);
});

test('each complete conversation is exported in four forms when exports are on', async () => {
  receiver.next(answer(500));
  const system = await start({ exports: true });
  const trackingId = await system.ask();
  const conversation = await system.completed(trackingId);
  await eventually(async () => (await system.store.summary(trackingId))?.exportPrefix != null);
  const day = new Date(conversation.receivedAt).toISOString().slice(0, 10).replaceAll('-', '/');
  const prefix = `conversation-history/${day}/${conversation.conversationId}`;
  const names = ['analysis', 'conversation', 'metadata', 'summary'].map((name) => `${prefix}/${name}.json`);
  assert.deepEqual(await system.objects.list(`${prefix}/`), names);
  const read = async (name: string) => (await system.objects.get(`${prefix}/${name}.json`))!.toString();
  const whole = JSON.parse(await read('conversation'));
  assert.deepEqual(Object.keys(whole), ['export_metadata', 'conversation']);
  const { format, version, channel } = whole.export_metadata;
  assert.deepEqual(
    { format, version, channel },
    { format: 'webhook_structured_json', version: '1.0', channel: 'webhook' },
  );
  assert.deepEqual(Object.keys(whole.conversation), [
    'metadata',
    'webhook_context',
    'conversation',
    'execution',
  ]);
  assert.equal(whole.conversation.webhook_context.delivery_status, 'delivered');
  assert.equal(whole.conversation.webhook_context.delivery_attempts.length, 2);
  assert.equal(whole.conversation.conversation.turns.length, 2);
  assert.doesNotMatch(await read('metadata'), /IXIS|Answer|SELECT/);
  assert.equal((await read('summary')).trimEnd().split('\n').length, 1);
  assert.ok(
    Object.values(JSON.parse(await read('analysis'))).every(
      (value) => typeof value !== 'object' || value === null,
    ),
  );
  assert.equal((await system.store.summary(trackingId))?.exportPrefix, prefix);
  assert.equal((await typesOf(system, trackingId)).at(-1), 'CONVERSATION_EXPORTED');
});

test('whenever the process ends, each question is answered, delivered under one id, and recorded once', async () => {
  const agent = async (question: AgentQuestion) => {
    await new Promise((resolve) => setTimeout(resolve, question.question.length));
    return await answerPlainly(question);
  };
  receiver.otherwise(answer(200));
  const asked: string[] = [];
  let system = await start({ agent });
  const { folder } = system;
  for (let round = 0; round < 12; round++) {
    for (let question = 0; question < 5; question++)
      asked.push(await system.ask('?'.repeat(1 + question * 3)));
    await new Promise((resolve) => setTimeout(resolve, round * 2));
    if (round % 3 === 0) receiver.next(answer(500));
    systems.splice(systems.indexOf(system), 1);
    await system.crash();
    system = await start({ agent, folder });
  }
  const conversations = await Promise.all(asked.map((trackingId) => system.completed(trackingId)));
  for (const conversation of conversations) {
    assert.equal(conversation.status, 'delivered');
    const types = (await system.store.events(conversation.trackingId)).map((event) => event.type);
    const once = types.filter((type) => type !== 'WEBHOOK_DELIVERY_FAILED');
    assert.equal(new Set(once).size, once.length, types.join(' '));
    assert.deepEqual([types.length >= 7, types.at(-1)], [true, 'WEBHOOK_CONVERSATION_COMPLETED']);
    const deliveries = receiver.received.filter((one) => one.body.includes(conversation.trackingId));
    const messageIds = new Set(deliveries.map((one) => one.headers['webhook-id']));
    assert.deepEqual([...messageIds], [conversation.deliveryId]);
  }
});

/** A conversation is complete a moment before its run has failed. */
async function deadLetter(system: System, flow: string, trackingId?: string): Promise<Run> {
  let run: Run | undefined;
  await eventually(async () => {
    const { runs } = await system.engine.list({ flow, deadLetters: true });
    const isOf = (found: Run) => (found.input as { trackingId: string }).trackingId === trackingId;
    run = trackingId === undefined ? runs[0] : runs.find(isOf);
    return run !== undefined;
  });
  return run!;
}

/** Looks again after each turn of the event loop; the time limit of the test run is the only other end. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
