import fc from 'fast-check';

/** Everything that requests are made of. */
export interface Surroundings {
  /** `GET /runs/{run_id}` … of `/openapi.json`. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** Keys of every scope; none of them may ever be answered. */
  readonly keys: readonly string[];
  /** Ids that there are. */
  readonly ids: readonly string[];
  readonly sources: readonly string[];
}

const nasty = [
  ...[
    '',
    '0',
    '-1',
    '1e1000',
    'NaN',
    'null',
    'true',
    '[]',
    '{}',
    '__proto__',
    'constructor',
    'toString',
    '..',
    '../../etc/passwd',
  ],
  ...[
    "' OR '1'='1",
    '"; DROP TABLE runs; --',
    '%',
    '_',
    '*',
    '#{7*7}',
    '{{7*7}}',
    '<script>alert(1)</script>',
    'javascript:alert(1)',
  ],
  ...[
    '%00',
    '%0d%0aSet-Cookie: a=b',
    '%c0%af',
    '%e0%a4%a',
    '\u0000',
    '\r\nX-Injected: 1',
    '\ud800',
    '\u202e',
    '\ufeff',
    'İ',
    '𝒳',
  ],
  ...[
    '9'.repeat(400),
    'x'.repeat(5_000),
    '2026-02-30T25:61:61Z',
    '+275760-09-13T00:00:00.001Z',
    '0000-01-01T00:00:00Z',
  ],
];

const text = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);
const encoded = text.map((value) => encodeURIComponent(value.toWellFormed()));
const inPath = fc.oneof(
  encoded,
  text.map((value) => value.replace(/[\s?#]/g, '')),
);

/** Those that take something, more often than the others. */
const doors = ['/webhook', '/webhooks/{source}', '/events', '/workflows/trigger', '/sources/{source}'];

/** A method and a target: those of a route, mostly. */
function target({ routes, ids, sources }: Surroundings): fc.Arbitrary<readonly [string, string]> {
  const part = fc.oneof(
    { arbitrary: fc.constantFrom(...ids, ...sources), weight: 3 },
    { arbitrary: inPath, weight: 2 },
    { arbitrary: fc.uuid(), weight: 1 },
  );
  const taking = routes.filter(({ path, method }) => doors.includes(path) && method !== 'DELETE');
  const route = fc.oneof(fc.constantFrom(...routes), fc.constantFrom(...taking));
  const name = fc.constantFrom(
    'limit',
    'after',
    'status',
    'count',
    'from',
    'to',
    'q',
    'query',
    'format',
    'source_system',
    '__proto__',
    'x',
  );
  const parameter = fc.tuple(name, encoded).map((pair) => pair.join('='));
  const query = fc
    .array(parameter, { maxLength: 4 })
    .map((all) => (all.length === 0 ? '' : `?${all.join('&')}`));
  const known = fc
    .tuple(route, fc.array(part, { minLength: 3, maxLength: 3 }), query)
    .map(([{ method, path }, parts, end]) => {
      let at = 0;
      return [method, path.replace(/\{[^}]+\}/g, () => parts[at++]!) + end] as const;
    });
  const methods = [
    'GET',
    'POST',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PATCH',
    'PUT',
    'DELETE',
    'PROPFIND',
    'get',
    'X',
  ];
  const other = fc.constantFrom(...methods);
  return fc.oneof(
    { arbitrary: known, weight: 16 },
    { arbitrary: fc.tuple(other, known).map(([method, [, path]]) => [method, path] as const), weight: 1 },
    { arbitrary: fc.tuple(other, inPath).map(([method, path]) => [method, `/${path}`] as const), weight: 1 },
  );
}

const json = (value: unknown): string => JSON.stringify(value);

const question = fc.record(
  {
    query: fc.oneof(fc.constant('Which deals?'), text, fc.jsonValue()),
    source_system: fc.oneof(fc.constant('fuzz'), text),
    source_process: fc.oneof(fc.constant('fuzz'), text),
    timestamp: fc.oneof(fc.constant('2026-01-01T00:00:00Z'), text),
    extra: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const event = fc.record(
  {
    specversion: fc.oneof(fc.constant('1.0'), text),
    ...{
      id: text,
      source: text,
      type: text,
      subject: text,
      datacontenttype: text,
      data_base64: text,
      data: fc.jsonValue(),
    },
  },
  { requiredKeys: [] },
);
const trigger = fc.record(
  {
    definition_id: fc.oneof(fc.constantFrom('query'), text),
    input_data: question,
    execution_id: text,
    name: text,
  },
  { requiredKeys: [] },
);
const source = fc.record(
  {
    scheme: fc.oneof(fc.constantFrom('none', 'github', 'hmac', 'basic'), text),
    secrets: fc.array(text),
    starts: fc.oneof(fc.constant({ flow: 'query' }), fc.jsonValue()),
    options: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const key = fc.record({ name: text, scopes: fc.array(text), expires: text }, { requiredKeys: [] });

const valid = fc.constantFrom(
  json({
    query: 'Which deals?',
    source_system: 'fuzz',
    source_process: 'fuzz',
    timestamp: '2026-01-01T00:00:00Z',
  }),
  json({ specversion: '1.0', id: '1', source: 'open', type: 'x', data: { a: 1 } }),
  json({ definition_id: 'query', input_data: { query: 'Which deals?' } }),
  json({ scheme: 'none', starts: { flow: 'query' }, options: { input: { query: 'What?' } } }),
  json({ a: 1 }),
);

const body: fc.Arbitrary<string> = fc.oneof(
  fc.constant(''),
  { arbitrary: valid, weight: 6 },
  ...[question, event, trigger, source, key, fc.array(event)].map((arbitrary) => arbitrary.map(json)),
  fc.json(),
  text,
  fc.constantFrom(
    '[',
    '{"a":'.repeat(500),
    '['.repeat(100_000),
    `[${'0,'.repeat(50_000)}0]`,
    '1e400',
    '"\\ud800"',
    '{"a":1,"a":2}',
    '\ufeff{}',
  ),
  fc.constant(`query=${encodeURIComponent('Which deals?')}`),
);

/** Values as headers go over the wire, hostile ones too. */
function headers({ keys, sources, ids }: Surroundings): fc.Arbitrary<string> {
  const line = (name: string, ...values: readonly string[]) =>
    fc
      .oneof({ arbitrary: fc.constantFrom(...values), weight: 9 }, { arbitrary: text, weight: 1 })
      .map((value) => `${name}: ${value}`);
  const credentials = fc.oneof(
    {
      arbitrary: fc.constantFrom(
        ...keys.flatMap((each) => [
          `Authorization: Bearer ${each}`,
          `X-API-Key: ${each}`,
          `Authorization: Basic ${btoa(`me:${each}`)}`,
        ]),
      ),
      weight: 8,
    },
    { arbitrary: line('Authorization', 'Bearer', 'Basic !!', 'Bearer a.b.c', 'Digest x'), weight: 1 },
    { arbitrary: line('Cookie', 'signalbox_session=x', '__Host-session=x'), weight: 1 },
  );
  const one = fc.oneof(
    line('Accept', 'text/html', '*/*', 'text/event-stream', 'application/json'),
    line('Idempotency-Key', 'same', 'x'.repeat(256)),
    line('Last-Event-ID', '0', '1', '999999999999999'),
    line('X-Webhook-Source', ...sources),
    line('X-Webhook-Signature', 'sha256=00', 't=1,v1=00'),
    line('X-Hub-Signature-256', 'sha256=00'),
    line('webhook-id', ...ids),
    line('ce-specversion', '1.0'),
    line('Origin', 'https://evil.example', 'null'),
    line('Sec-Fetch-Site', 'cross-site', 'same-origin'),
    line('Expect', '100-continue', 'tea'),
    line('Content-Encoding', 'gzip', 'identity', 'br'),
    line('Transfer-Encoding', 'chunked', 'identity'),
    line('Connection', 'upgrade', 'keep-alive'),
    line('Upgrade', 'h2c', 'websocket'),
    line('Range', 'bytes=0-1', 'bytes=9-1'),
    line('If-None-Match', '*'),
    line('X-Forwarded-Proto', 'https', 'ftp'),
    line('Content-Length', '0', '5', '-1', '99999999999'),
  );
  return fc
    .tuple(credentials, fc.array(one, { maxLength: 3, size: 'xsmall' }))
    .map(([who, others]) => [who, ...others].join('\r\n'));
}

/** Bytes that are taken out, doubled, changed or put in, anywhere. */
const mutation = fc.tuple(
  fc.nat(),
  fc.nat({ max: 8 }),
  fc.constantFrom('cut', 'double', 'set', 'insert'),
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
);

function mutate(
  bytes: Buffer,
  [place, length, how, others]: readonly [number, number, string, Uint8Array],
): Buffer {
  const begin = place % (bytes.length + 1);
  const end = Math.min(bytes.length, begin + length);
  const middle = {
    cut: [],
    double: [bytes.subarray(begin, end), bytes.subarray(begin, end)],
    set: [others],
    insert: [others, bytes.subarray(begin, end)],
  }[how]!;
  return Buffer.concat([bytes.subarray(0, begin), ...middle, bytes.subarray(end)]);
}

/** A request as bytes: mostly one that is taken, often a hostile one, at times hardly one. */
export function requests(surroundings: Surroundings): fc.Arbitrary<Buffer> {
  const type = fc.oneof(
    {
      arbitrary: fc.constantFrom(
        'application/json',
        'application/json; charset=utf-8',
        'application/cloudevents+json',
        'application/cloudevents-batch+json',
        'application/x-www-form-urlencoded',
        'text/plain',
        'text/xml',
      ),
      weight: 3,
    },
    { arbitrary: fc.constant('application/json'), weight: 6 },
    { arbitrary: text, weight: 1 },
  );
  const whole = fc
    .tuple(target(surroundings), headers(surroundings), type, body)
    .map(([[verb, path], fields, mediaType, content]) => {
      const bytes = Buffer.from(content.toWellFormed());
      const length =
        verb === 'GET' || verb === 'HEAD' || /content-length|transfer-encoding/i.test(fields)
          ? ''
          : `Content-Length: ${bytes.length}\r\n`;
      const head = `${verb} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: ${mediaType}\r\n${fields}\r\n${length}\r\n`;
      return Buffer.concat([Buffer.from(head), length === '' ? Buffer.alloc(0) : bytes]);
    });
  const mutated = fc
    .tuple(whole, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([bytes, all]) => all.reduce(mutate, bytes));
  const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(
    { arbitrary: whole, weight: 12 },
    { arbitrary: mutated, weight: 4 },
    { arbitrary: noise, weight: 1 },
  );
}
