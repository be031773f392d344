import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Json } from '../core/json.ts';
import { receive, VerificationError } from './receive.ts';
import type { InboundRequest } from './scheme.ts';
import { parseSource, type Source, shownSource } from './source.ts';

const now = Date.parse('2026-08-14T09:18:33.360Z');

const github = (fields: object = {}): Source =>
  parseSource('tracker', {
    scheme: 'github',
    secrets: ['hush'],
    starts: { flow: 'query' },
    ...fields,
  });

function signed(body: string, headers: Record<string, string> = {}, secret = 'hush'): InboundRequest {
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
      { eventType: 'issues', key: 'd1', wanted: true, input: { query: 'About x', source_system: 'tracker' } },
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

  test('knows a delivery again by the sender’s id, by a place in the payload, or by its bytes', () => {
    const key = (source: Source, request: InboundRequest) => eventsOf(source, request).events[0]!.key;
    assert.equal(key(github(), signed('{}', { 'x-github-delivery': 'd1' })), 'd1');
    assert.equal(key(github({ options: { dedup_key: 'alert.id' } }), signed('{"alert":{"id":9}}')), '9');
    const [one, other] = [key(github(), signed('{"a":1}')), key(github(), signed('{"a":2}'))];
    assert.match(one!, /^sha256:[0-9a-f]{64}$/);
    assert.notEqual(one, other);
    const open = parseSource('open', { scheme: 'none', starts: { flow: 'query' } });
    assert.equal(key(open, signed('{}')), undefined);
  });

  test('takes a secret only between its dates', () => {
    const source = github({
      secrets: [
        { secret: 'new', label: 'August', not_before: '2026-08-01T00:00:00Z' },
        { secret: 'old', label: 'July', not_after: '2026-08-15T00:00:00Z' },
      ],
    });
    const label = (secret: string, at: string) =>
      eventsOf(source, signed('{}', {}, secret), Date.parse(at)).secretLabel;
    assert.equal(label('old', '2026-07-31T23:59:59Z'), 'July');
    assert.throws(() => label('new', '2026-07-31T23:59:59Z'), VerificationError);
    assert.equal(label('new', '2026-08-14T00:00:00Z'), 'August');
    assert.equal(label('old', '2026-08-14T00:00:00Z'), 'July');
    assert.throws(() => label('old', '2026-08-15T00:00:00Z'), VerificationError);
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
      shownSource(github({ secrets: ['hush', { secret: 'hush2', label: 'old' }] })),
    );
    assert.doesNotMatch(shown, /hush/);
    assert.match(shown, /"label":"old"/);
  });

  const faulty: readonly [string, unknown, RegExp][] = [
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
    ['x', null, /must be object/],
  ];
  for (const [name, body, message] of faulty) {
    test(`is refused: ${message.source}`, () => {
      assert.throws(() => parseSource(name, body as Json), { code: 'invalid_request', message });
    });
  }
});
