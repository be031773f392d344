import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createTestApp, question, type TestAppOptions } from '../../../test/fixtures/app.ts';
import { until } from '../../../test/fixtures/until.ts';
import { parseEvents } from '../../cli/event-source.ts';
import { eventTypes } from '../../record/events.ts';

interface Seen {
  readonly id: string;
  readonly event: Record<string, unknown> & { readonly event_type: string; readonly sequence: number };
}

async function listening(context: TestContext, options: TestAppOptions = {}) {
  const app = await createTestApp({ heartbeatMs: 40, ...options });
  await app.server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  /** Reads in the background until it is closed, or the server ends it. */
  const open = async (query = '', headers: Record<string, string> = {}) => {
    const abort = new AbortController();
    context.after(() => abort.abort());
    const response = await fetch(`${url}/conversations/events?${query}`, {
      headers: { accept: 'text/event-stream', ...headers },
      signal: abort.signal,
    });
    const seen: Seen[] = [];
    const stream = { id: '', retryMs: 0, text: '', status: response.status, ended: false };
    const read = async () => {
      const [events, text] = response.body!.tee();
      void (async () => {
        for await (const chunk of text) stream.text += Buffer.from(chunk).toString();
      })().catch(() => {});
      for await (const { id, retryMs, data } of parseEvents(events)) {
        Object.assign(stream, { id: id ?? '', retryMs: retryMs ?? 0 });
        if (data !== undefined) seen.push({ id: id!, event: JSON.parse(data) });
      }
    };
    const done = read().then(
      () => {
        stream.ended = true;
      },
      () => {},
    );
    if (response.ok)
      await until(
        () => stream.id,
        (id) => id !== '',
      );
    return { seen, stream, done, close: () => abort.abort() };
  };
  const ask = async (fields: object = {}): Promise<string> => {
    const { body } = await app.ask(question(fields));
    await app.engine.wait(body.tracking_id);
    return body.tracking_id;
  };
  const get = async (query: string, headers: Record<string, string> = {}) => {
    const answer = await app.server.inject({
      url: `/conversations/events?${query}`,
      headers: { host: 'localhost', ...headers },
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { app, url, port, open, ask, get };
}

const sequencesOf = (seen: readonly Seen[]) => seen.map(({ event }) => event.sequence);
const typesOf = (seen: readonly Seen[]) => seen.map(({ event }) => event.event_type);
const life = eventTypes.filter((type) => !/DELIVERY|EXPORTED|ERASED/.test(type));

test('follows all conversations from now on, each event under its number; what was seen is gone on from', async (context) => {
  const { open, ask, get } = await listening(context);
  await ask();
  const one = await open();
  assert.equal(one.stream.retryMs, 2_000);
  const ids = [await ask(), await ask()];
  await until(
    () => one.seen,
    ({ length }) => length >= 2 * life.length,
  );
  assert.deepEqual(typesOf(one.seen), [...life, ...life]);
  assert.deepEqual(new Set(one.seen.map(({ event }) => event.tracking_id)), new Set(ids));
  for (const { id, event } of one.seen) assert.equal(id, String(event.sequence));
  one.close();
  // In the time without a stream something happens.
  await ask();
  const again = await open('after=0', { 'last-event-id': one.seen[3]!.id });
  await ask();
  const log = (await get('')).body.events.map((event: { sequence: number }) => event.sequence);
  assert.equal(log.length, 5 * life.length);
  const expected = log.filter((sequence: number) => sequence > Number(one.seen[3]!.id));
  await until(
    () => again.seen,
    ({ length }) => length >= expected.length,
  );
  assert.deepEqual(sequencesOf(again.seen), expected);
  const whole = await open('after=0');
  await until(
    () => whole.seen,
    ({ length }) => length >= log.length,
  );
  assert.deepEqual(sequencesOf(whole.seen), log);
});

test('an idle stream tells its place, so that one that is lost before the first event misses nothing', async (context) => {
  const { open, ask } = await listening(context);
  const idle = await open('type=WEBHOOK_DELIVERY_FAILED');
  const begun = idle.stream.id;
  await ask();
  // It has passed what it does not want.
  await until(
    () => Number(idle.stream.id),
    (id) => id >= Number(begun) + life.length,
  );
  assert.match(idle.stream.text, /^: still here\nid: \d+$/m);
  assert.deepEqual(idle.seen, []);
});

test('chooses by everything that a list is chosen by, live and from the log alike', async (context) => {
  const { open, ask, get } = await listening(context, {
    answer: (asked) => {
      if (asked.includes('fail')) throw new Error('no');
      return { markdown: 'x', plain: 'x', toolCalls: [], understood: true };
    },
  });
  const queries: Readonly<Record<string, number>> = {
    'source_system=erp': life.length,
    'source_system=erp&source_process=other': 0,
    // What failed is not classified.
    'account=Acme': 2 * life.length - 1,
    'account=Acme&type=WEBHOOK_REQUEST_RECEIVED,WEBHOOK_CONVERSATION_COMPLETED': 4,
    'webhook_type=deal_analysis&source_system=crm': life.length,
    'status=failed&type=WEBHOOK_CONVERSATION_COMPLETED': 1,
    'status=failed&type=WEBHOOK_REQUEST_RECEIVED': 0,
    'status=processing&type=WEBHOOK_MANAGER_AGENT_INVOKED': 3,
    'status=queued': 3,
  };
  const streams = await Promise.all(Object.keys(queries).map((query) => open(query)));
  await ask({ source_system: 'erp', query: 'What is a lead?' });
  await ask({ source_system: 'crm', query: 'Which deals close?', account: 'Acme' });
  await ask({ source_system: 'hr', query: 'fail', account_id: 'Acme' });
  for (const [at, [query, count]] of Object.entries(queries).entries()) {
    const { seen } = streams[at]!;
    await until(
      () => seen.length,
      (length) => length >= count,
    );
    const { body } = await get(query);
    assert.deepEqual([body.events.length, body.next], [count, null], query);
    const sequences = body.events.map((event: { sequence: number }) => event.sequence);
    assert.deepEqual(sequencesOf(seen), sequences, query);
  }
});

test('a page of the log says how to go on, and a place of another record is refused', async (context) => {
  const { ask, get, open } = await listening(context);
  assert.deepEqual((await get('')).body, { success: true, events: [], next: null, position: 0 });
  for (let n = 0; n < 3; n++) await ask();
  const all: number[] = [];
  let after: number | null = 0;
  for (let pages = 0; after !== null; pages++) {
    const { body } = await get(`limit=4&after=${after}`);
    assert.ok(body.events.length <= 4 && pages < 10);
    all.push(...body.events.map((event: { sequence: number }) => event.sequence));
    after = body.next;
  }
  assert.deepEqual(all, sequencesOf((await get('')).body.events.map((event: object) => ({ event }))));
  const newest = all.at(-1)!;
  assert.deepEqual((await get(`after=${newest}`)).body, {
    ...{ success: true, events: [], next: null, position: newest },
  });
  const refused = await get(`after=${newest + 1}`);
  assert.equal(refused.status, 422);
  assert.match(
    refused.body.detail,
    new RegExp(`the newest event is ${newest}: .* after=${newest}, or .* after=0`),
  );
  // A browser would give up for good after an error; so it is told in the stream, and goes on from there.
  const rewound = await open('', { 'last-event-id': String(newest + 100) });
  await until(
    () => rewound.seen.length,
    (length) => length > 0,
  );
  assert.deepEqual(
    [rewound.seen[0]!.id, rewound.seen[0]!.event.event_type, rewound.seen[0]!.event.after],
    [String(newest), 'RECORD_REWOUND', newest + 100],
  );
  await ask();
  await until(
    () => rewound.seen.length,
    (length) => length > life.length,
  );
  assert.deepEqual(typesOf(rewound.seen).slice(1), life);
});

test('what cannot be meant is said', async (context) => {
  const { get } = await listening(context);
  const refused: Readonly<Record<string, RegExp>> = {
    'type=WEBHOOK_DELIVERED': /type has "WEBHOOK_DELIVERED", which is none of WEBHOOK_REQUEST_RECEIVED,/,
    'from=2026-01-01T00:00:00Z': /has "from", which is not known/,
    'status=done': /must be one of queued,/,
    'after=-1': /must be >= 0/,
    'after=x': /must be integer/,
    'limit=501': /must be <= 500/,
    'account=': /must NOT have fewer than 1 characters/,
  };
  for (const [query, detail] of Object.entries(refused)) {
    const { status, body } = await get(query);
    assert.equal(status, 422, query);
    assert.match(body.detail, detail, query);
    assert.equal((await get(query, { accept: 'text/event-stream' })).status, 422, query);
  }
  const { status, body } = await get('', { accept: 'text/event-stream', 'last-event-id': 'x' });
  assert.deepEqual([status, body.code], [422, 'invalid_request']);
});

test('so many may follow everything at once, and a place is free again when one has gone', async (context) => {
  const { open, get } = await listening(context, { streamLimit: 2 });
  const [one] = [await open(), await open()];
  const { status, body } = await get('', { accept: 'text/event-stream' });
  assert.deepEqual([status, body.code], [503, 'too_many_streams']);
  one.close();
  await until(
    async () => (await open()).stream.status,
    (answered) => answered === 200,
  );
});

test('a graceful stop ends streams, each with another time to come back', async (context) => {
  const { app, open } = await listening(context);
  const streams = await Promise.all(Array.from({ length: 5 }, () => open()));
  app.stopAccepting();
  for (const { done } of streams) await done;
  const times = streams.map(({ stream }) => stream.retryMs);
  assert.ok(streams.every(({ stream }) => stream.ended));
  assert.ok(times.every((time) => time >= 1_000 && time < 5_000) && new Set(times).size > 1, `${times}`);
});

test('who may no longer read is told nothing more', async (context) => {
  const key = 'reader-reader-reader';
  const { app, open, url } = await listening(context, {
    apiKeys: `admin:admin:admin-admin-admin,a:ingest:${'x'.repeat(20)}`,
  });
  const headers = { authorization: 'Bearer admin-admin-admin', 'content-type': 'application/json' };
  const ingest = await fetch(`${url}/conversations/events`, {
    headers: { authorization: `Bearer ${'x'.repeat(20)}` },
  });
  assert.equal(ingest.status, 403);
  const created = await fetch(`${url}/keys`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ name: key, scopes: ['read'] }),
  });
  const made = (await created.json()) as { key: string; id: string };
  const stream = await open('', { authorization: `Bearer ${made.key}` });
  const revoked = await fetch(`${url}/keys/${made.id}`, {
    method: 'DELETE',
    headers: { authorization: headers.authorization },
  });
  assert.equal(revoked.status, 200, await revoked.text());
  await stream.done;
  assert.match(stream.stream.text, /: the key does not hold any more\n\n$/);
  assert.ok(app.log.length === 0);
});

test('a reader that takes nothing holds little, stops nobody, and is let go', async (context) => {
  const long = 'x'.repeat(500_000);
  const { app, open, ask, port } = await listening(context, {
    ...{ stallMs: 300, heartbeatMs: 10_000 },
    answer: () => ({ markdown: long, plain: long, toolCalls: [], understood: true }),
  });
  const stalled = connect({ port, host: '127.0.0.1' });
  stalled.write('GET /conversations/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n');
  stalled.once('readable', () => stalled.pause());
  const other = await open();
  const closed = once(stalled, 'close');
  stalled.on('error', () => {});
  // More than the buffers of both ends of a connection take.
  let asked = 0;
  while (app.log.length === 0 && asked < 400) {
    await Promise.all(Array.from({ length: 3 }, () => ask()));
    asked += 3;
  }
  await until(
    () => app.log,
    ({ length }) => length > 0,
  );
  assert.match(app.log[0]!, /took nothing for 0.3 s and was let go/);
  await until(
    () => other.seen.length,
    (length) => length >= asked * life.length,
  );
  assert.deepEqual(new Set(sequencesOf(other.seen)).size, asked * life.length);
  stalled.resume();
  await closed;
});
