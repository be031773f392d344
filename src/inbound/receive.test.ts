import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { snsNotification, sqsRecords } from '../../test/fixtures/aws-envelopes.ts';
import type { Json } from '../core/json.ts';
import { receive, VerificationError } from './receive.ts';
import type { InboundRequest } from './scheme.ts';
import { parseSource, type Source, shownSource } from './source.ts';

const now = Date.parse('2026-08-14T09:18:33.360Z');

const github = (fields: object = {}): Source =>
  parseSource('tracker', {
    scheme: 'github',
    secrets: ['hush-hush'],
    starts: { flow: 'query' },
    ...fields,
  });

function signed(body: string, headers: Record<string, string> = {}, secret = 'hush-hush'): InboundRequest {
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  return {
    method: 'POST',
    url: 'https://example.com/webhooks/tracker',
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature, ...headers },
    body: Buffer.from(body),
  };
}

const eventsOf = (source: Source, request: InboundRequest, at = now) => {
  const received = receive(source, request, at);
  assert.ok(received.handshake === undefined);
  return received;
};

describe('a source', () => {
  test('starts what it wants with what its mapping makes of the payload', () => {
    const source = github({
      options: {
        events: ['issues', 'pull_*'],
        input: { query: 'About {payload.title}', source_system: '{source}' },
      },
    });
    const headers = { 'x-github-delivery': 'd1', 'x-github-event': 'issues' };
    const { events, secretLabel } = eventsOf(source, signed('{"title":"x"}', headers));
    assert.equal(secretLabel, 'secret 1');
    assert.deepEqual(events, [
      {
        eventType: 'issues',
        key: events[0]!.key,
        wanted: true,
        input: { query: 'About x', source_system: 'tracker' },
      },
    ]);
    const wanted = (event: string) =>
      eventsOf(source, signed('{}', { 'x-github-event': event })).events[0]!.wanted;
    assert.deepEqual([wanted('pull_request'), wanted('push'), wanted('issues_more')], [true, false, false]);
    assert.equal(eventsOf(source, signed('{}')).events[0]!.wanted, false);
  });

  test('without a mapping the input is everything that is known', () => {
    const { events } = eventsOf(github(), signed('{"a":1}', { 'x-github-delivery': 'd1' }));
    assert.deepEqual(events[0]!.input, {
      payload: { a: 1 },
      source: 'tracker',
      event: null,
      delivery_id: 'd1',
      received_at: '2026-08-14T09:18:33.360Z',
    });
  });

  test('knows a delivery again by the sender’s signed id, by a place in the payload, or by its bytes', () => {
    const key = (source: Source, request: InboundRequest) => eventsOf(source, request).events[0]!.key;
    assert.equal(key(github({ options: { dedup_key: 'alert.id' } }), signed('{"alert":{"id":9}}')), '9');
    const [one, other] = [key(github(), signed('{"a":1}')), key(github(), signed('{"a":2}'))];
    assert.match(one!, /^sha256:[0-9a-f]{64}$/);
    assert.notEqual(one, other);
    const open = parseSource('open', { scheme: 'none', starts: { flow: 'query' } });
    assert.equal(key(open, signed('{}')), undefined);
    assert.equal(key(open, signed('{}', { 'webhook-id': 'd1' })), 'd1');
    assert.equal(key(open, signed('{}', { 'webhook-id': '', 'idempotency-key': '' })), undefined);
    const stripe = parseSource('pay', {
      scheme: 'stripe',
      secrets: ['hush-hush'],
      starts: { flow: 'query' },
    });
    const sent = (body: string) => {
      const at = Math.floor(now / 1_000);
      const v1 = createHmac('sha256', 'hush-hush').update(`${at}.${body}`).digest('hex');
      return { ...signed(body), headers: { 'stripe-signature': `t=${at},v1=${v1}` } };
    };
    assert.equal(key(stripe, sent('{"id":"evt_1"}')), 'evt_1');
    assert.match(key(stripe, sent('{"id":""}'))!, /^sha256:/);
  });

  test('takes no id that is not signed as what tells one event from another', () => {
    const source = (scheme: string, options: object = {}) =>
      parseSource('s', { scheme, secrets: ['hush-hush'], starts: { flow: 'query' }, options });
    const mac = (body: string, encoding: 'hex' | 'base64') =>
      createHmac('sha256', 'hush-hush').update(body).digest(encoding);
    const cases: readonly (readonly [Source, string, (body: string) => Record<string, string>])[] = [
      [source('github'), 'x-github-delivery', () => ({})],
      [source('github'), 'x-github-event', () => ({})],
      [
        source('shopify'),
        'x-shopify-webhook-id',
        (body) => ({ 'x-shopify-hmac-sha256': mac(body, 'base64') }),
      ],
      [source('linear'), 'linear-delivery', (body) => ({ 'linear-signature': mac(body, 'hex') })],
      [source('salesforce'), 'webhook-id', (body) => ({ 'x-salesforce-signature': mac(body, 'base64') })],
      ...['webhook-id', 'idempotency-key', 'x-event-type', 'x-id'].map(
        (header) =>
          [
            source('hmac', header === 'x-id' ? { id_header: 'x-id' } : {}),
            header,
            (body: string) => ({ 'x-webhook-signature': mac(body, 'hex') }),
          ] as const,
      ),
    ];
    for (const [of, header, sign] of cases) {
      const key = (body: string, id: string) =>
        eventsOf(of, signed(body, { ...sign(body), [header]: id })).events[0]!.key;
      assert.ok(key('{"a":1}', 'd1') !== undefined, header);
      assert.equal(key('{"a":1}', 'd1'), key('{"a":1}', 'd2'), `${of.scheme}: the same under another id`);
      assert.notEqual(key('{"a":1}', 'd1'), key('{"a":2}', 'd1'), `${of.scheme}: another under the same id`);
    }
  });

  test('takes an id of `hmac` that is signed, and the signed content where it is empty', () => {
    const options = { id_header: 'X-Id', signed: '{id}.{body}' };
    const source = parseSource('s', {
      scheme: 'hmac',
      secrets: ['hush-hush'],
      starts: { flow: 'query' },
      options,
    });
    const key = (id: string, more: Record<string, string> = {}) => {
      const signature = createHmac('sha256', 'hush-hush').update(`${id}.{}`).digest('hex');
      const headers = { 'x-webhook-signature': signature, 'x-id': id, ...more };
      return eventsOf(source, signed('{}', headers)).events[0]!.key;
    };
    assert.equal(key('d1'), 'd1');
    assert.match(key('', { 'idempotency-key': 'x' })!, /^sha256:/);
  });

  test('takes the id of Standard Webhooks from the header fields that were verified', () => {
    const bytes = Buffer.alloc(24, 7);
    const source = parseSource('s', {
      scheme: 'standard-webhooks',
      secrets: [`whsec_${bytes.toString('base64')}`],
      starts: { flow: 'query' },
    });
    const at = String(Math.floor(now / 1_000));
    const headers = {
      'svix-id': 'msg_1',
      'svix-timestamp': at,
      'svix-signature': `v1,${createHmac('sha256', bytes).update(`msg_1.${at}.{}`).digest('base64')}`,
      'webhook-id': 'other',
    };
    assert.equal(eventsOf(source, signed('{}', headers)).events[0]!.key, 'msg_1');
  });

  test('knows a form of Twilio again whatever the order of its fields and the port', () => {
    const source = parseSource('s', {
      scheme: 'twilio',
      secrets: ['hush-hush'],
      starts: { flow: 'query' },
    });
    const signature = createHmac('sha1', 'hush-hush').update('https://example.com/xa1b2').digest('base64');
    const key = (body: string, url: string, token: string) =>
      eventsOf(source, {
        method: 'POST',
        url,
        body: Buffer.from(body),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-twilio-signature': signature,
          'i-twilio-idempotency-token': token,
        },
      }).events[0]!.key;
    const first = key('a=1&b=2', 'https://example.com/x', 't1');
    assert.match(first!, /^sha256:/);
    assert.equal(key('b=2&a=1', 'https://example.com:443/x', 't2'), first);
  });

  test('tells the events of one request apart where `dedup_key` finds nothing', () => {
    const body = JSON.stringify(sqsRecords('{"a":1}', '{"a":2}'));
    const options = { dedup_key: 'order.id' };
    const source = (scheme: string, secret: string) =>
      parseSource('s', { scheme, secrets: [secret], starts: { flow: 'query' }, options });
    const mac = createHmac('sha256', 'hush-hush').update(body).digest('hex');
    const { events } = eventsOf(source('hmac', 'hush-hush'), signed(body, { 'x-webhook-signature': mac }));
    assert.equal(new Set(events.map(({ key }) => key)).size, 2);
    for (const value of ['""', 'null']) {
      const empty = `{"order":{"id":${value}}}`;
      const headers = {
        'x-webhook-signature': createHmac('sha256', 'hush-hush').update(empty).digest('hex'),
      };
      assert.match(
        eventsOf(source('hmac', 'hush-hush'), signed(empty, headers)).events[0]!.key!,
        /^sha256:[0-9a-f]{64}$/,
      );
    }
    const batch = JSON.stringify(
      ['1', '2'].map((id) => ({ specversion: '1.0', id, source: '/shop', type: 't', data: 1 })),
    );
    const headers = {
      'content-type': 'application/cloudevents-batch+json',
      'x-webhook-signature': createHmac('sha256', 'hush-hush').update(batch).digest('hex'),
    };
    const keys = eventsOf(source('hmac', 'hush-hush'), signed(batch, headers)).events.map(({ key }) => key);
    assert.deepEqual(keys, ['["/shop","1"]', '["/shop","2"]']);
  });

  test('takes of a CloudEvent in binary mode its data alone as signed', () => {
    const source = (options: object) =>
      parseSource('s', { scheme: 'hmac', secrets: ['hush-hush'], starts: { flow: 'query' }, options });
    const key = (options: object, id: string) => {
      const headers = {
        ...{ 'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/s', 'ce-type': 't' },
        'x-webhook-signature': createHmac('sha256', 'hush-hush').update('{"n":7}').digest('hex'),
      };
      return eventsOf(source(options), signed('{"n":7}', headers)).events[0]!.key;
    };
    for (const options of [{}, { dedup_key: 'id' }]) assert.equal(key(options, 'a'), key(options, 'b'));
    assert.equal(key({ dedup_key: 'data.n' }, 'a'), '7');
  });

  test('knows signed CloudEvents and envelopes again under other header fields', () => {
    const source = parseSource('s', { scheme: 'hmac', secrets: ['hush-hush'], starts: { flow: 'query' } });
    const keys = (body: object, headers: Record<string, string>) => {
      const text = JSON.stringify(body);
      const signature = createHmac('sha256', 'hush-hush').update(text).digest('hex');
      return eventsOf(source, signed(text, { 'x-webhook-signature': signature, ...headers })).events.map(
        ({ key }) => key,
      );
    };
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'x', 'ce-source': '/x', 'ce-type': 'x' };
    const one = { specversion: '1.0', id: '1', source: '/shop', type: 't', data: 1 };
    const forms: readonly (readonly [object, Record<string, string>])[] = [
      [one, { 'content-type': 'application/cloudevents+json' }],
      [[one, { ...one, id: '2' }], { 'content-type': 'application/cloudevents-batch+json' }],
      [sqsRecords('{"a":1}', '{"a":2}'), {}],
    ];
    for (const [body, headers] of forms) {
      const expected = keys(body, headers);
      assert.deepEqual(keys(body, {}), expected);
      assert.deepEqual(keys(body, binary), expected);
      assert.deepEqual(keys(body, { ...binary, 'content-type': 'text/plain' }), expected);
    }
  });

  test('takes a trigger in an envelope of AWS as an event like any other', () => {
    const trigger = { definition_id: 'query', input_data: { query: 'What is open?' } };
    const source = parseSource('s', { scheme: 'none', starts: { flow: 'query' } });
    const types = (body: object) =>
      eventsOf(source, signed(JSON.stringify(body))).events.map(({ eventType }) => eventType);
    const text = JSON.stringify(trigger);
    assert.deepEqual(types(sqsRecords(text, '{}')), Array(2).fill('com.amazonaws.sqs.message'));
    assert.deepEqual(types(snsNotification(text)), ['com.amazonaws.sns.notification']);
    const bridged = { id: 'e', source: 'crm', 'detail-type': 'workflow', detail: trigger };
    assert.deepEqual(types(bridged), ['workflow']);
  });

  test('does not read JSON as a form, whatever its content type says', () => {
    const request = signed('{"a":1}', { 'content-type': 'application/x-www-form-urlencoded' });
    assert.throws(() => receive(github(), request, now), { code: 'malformed_request' });
  });

  test('takes a secret only between its dates', () => {
    const source = github({
      secrets: [
        { secret: 'new-secret', label: 'August', not_before: '2026-08-01T00:00:00Z' },
        { secret: 'old-secret', label: 'July', not_after: '2026-08-15T00:00:00Z' },
      ],
    });
    const label = (secret: string, at: string) =>
      eventsOf(source, signed('{}', {}, secret), Date.parse(at)).secretLabel;
    assert.equal(label('old-secret', '2026-07-31T23:59:59Z'), 'July');
    assert.throws(() => label('new-secret', '2026-07-31T23:59:59Z'), VerificationError);
    assert.equal(label('new-secret', '2026-08-14T00:00:00Z'), 'August');
    assert.equal(label('old-secret', '2026-08-14T00:00:00Z'), 'July');
    assert.throws(() => label('old-secret', '2026-08-15T00:00:00Z'), VerificationError);
  });

  test('reads nothing before it is verified, and says the same whatever failed', () => {
    const broken = { ...signed('{"a":', {}, 'other') };
    const unsigned = { ...signed('{}'), headers: {} };
    const messages = [broken, unsigned].map((request) => {
      try {
        receive(github(), request, now);
      } catch (error) {
        assert.ok(error instanceof VerificationError);
        assert.equal(error.code, 'signature_invalid');
        return error.message;
      }
      throw new Error('It was let in.');
    });
    assert.equal(messages[0], messages[1]);
    assert.throws(() => receive(github(), signed('{"a":'), now), { code: 'malformed_request' });
  });

  test('is shown without its secrets', () => {
    const shown = JSON.stringify(
      shownSource(github({ secrets: ['hush-hush', { secret: 'hush-hush-2', label: 'old' }] })),
    );
    assert.doesNotMatch(shown, /hush/);
    assert.match(shown, /"label":"old"/);
  });

  const faulty: readonly (readonly [string, unknown, RegExp])[] = [
    ['Tracker', { scheme: 'github', secrets: ['x'], starts: { flow: 'query' } }, /source must match/],
    ['x', { scheme: 'guthub', secrets: ['x'], starts: { flow: 'query' } }, /did you mean github/],
    ['x', { scheme: 'github', starts: { flow: 'query' } }, /must hold a secret/],
    ['x', { scheme: 'github', secrets: ['x'] }, /starts/],
    ['x', { scheme: 'github', secrets: ['x'], starts: { flow: 'a', definition_id: 'b' } }, /starts/],
    ['x', { scheme: 'standard-webhooks', secrets: ['x'], starts: { flow: 'a' } }, /whsec_/],
    [
      'x',
      { scheme: 'github', secrets: ['x'], starts: { flow: 'a' }, options: { event: ['a'] } },
      /is no option/,
    ],
    [
      'x',
      { scheme: 'github', secrets: ['x'], starts: { flow: 'a' }, options: { input: { q: '{body.a}' } } },
      /placeholders begin with/,
    ],
    [
      'x',
      { scheme: 'github', secrets: [{ secret: 'x', not_after: 'soon' }], starts: { flow: 'a' } },
      /ISO-8601/,
    ],
    [
      'x',
      { scheme: 'hmac', secrets: ['x'], starts: { flow: 'a' }, options: { algorithm: 'md5' } },
      /algorithm/,
    ],
    [
      'x',
      { scheme: 'hmac', secrets: ['x'], starts: { flow: 'a' }, options: { rate_limit: 'many' } },
      /rate_limit/,
    ],
    ...(
      [
        [{ timestamp_header: 'X-Time' }, /names a time that is not signed/],
        [{ signed: '{timestamp}.{body}' }, /has \{timestamp\}/],
        [{ signed: '{id}.{body}' }, /has \{id\}/],
        [{ tolerance_seconds: 60 }, /needs a time/],
        ...['1/0s', '1/99999999999s', '5/2d', '5/36h'].map(
          (limit) => [{ rate_limit: limit }, /count in a time from 1s to 1d/] as const,
        ),
      ] as const
    ).map(
      ([options, message]) =>
        ['x', { scheme: 'hmac', secrets: ['hush-hush'], starts: { flow: 'a' }, options }, message] as const,
    ),
    ['x', { scheme: 'hmac', secrets: ['seven77'], starts: { flow: 'a' } }, /shorter than 8 characters/],
    ['x', { scheme: 'bearer', secrets: ['two words'], starts: { flow: 'a' } }, /white space/],
    ['x', null, /must be object/],
  ];
  for (const [name, body, message] of faulty) {
    test(`is refused: ${message.source}`, () => {
      assert.throws(() => parseSource(name, body as Json), { code: 'invalid_request', message });
    });
  }
});
