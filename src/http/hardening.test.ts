import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createTestApp, question, type TestApp, type TestAppOptions } from '../../test/fixtures/app.ts';
import { sendRaw } from '../../test/fixtures/raw-request.ts';

async function listening(options: TestAppOptions = {}): Promise<{ app: TestApp; port: number }> {
  const app = await createTestApp(options);
  await app.server.listen({ host: '127.0.0.1', port: 0 });
  return { app, port: (app.server.server.address() as AddressInfo).port };
}

const body = JSON.stringify(question());
const post = (headers: string, content = body) =>
  `POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n${content}`;
const get = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
const chunked = (size: string, ending = '\r\n0\r\n\r\n') =>
  post('Connection: close\r\nTransfer-Encoding: chunked\r\n', `${size}\r\n${body}${ending}`);
const length = body.length;
const hexLength = length.toString(16);

/** What could be understood in two ways, and so smuggle a request past whoever stands before us (CWE-444). */
const ambiguous: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': post(
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    '0\r\n\r\n',
  ),
  'Transfer-Encoding and Content-Length': post(
    'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
    '0\r\n\r\n',
  ),
  'two different lengths': post(`Content-Length: ${length}\r\nContent-Length: 6\r\n`),
  'two equal lengths': post(`Content-Length: ${length}\r\nContent-Length: ${length}\r\n`),
  'a list of lengths': post(`Content-Length: ${length}, ${length}\r\n`),
  'a length with a sign': post(`Content-Length: +${length}\r\n`),
  'a negative length': post('Content-Length: -1\r\n'),
  'a length in hex': post(`Content-Length: 0x${hexLength}\r\n`),
  'a length beyond all numbers': post('Content-Length: 99999999999999999999999\r\n'),
  'an unknown coding': post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
  'chunked, and something after it': post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
  'two codings': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
  'a space before the colon': post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
  'chunks in HTTP/1.0': chunked(hexLength).replace('HTTP/1.1', 'HTTP/1.0'),
  'a negative chunk': chunked('-1'),
  'a chunk beyond all numbers': chunked('ffffffffffffffffff'),
  'a chunk of no number': chunked('zz'),
  'chunks that end in LF': chunked(hexLength, '\n0\n\n'),
  'a very long chunk extension': chunked(`${hexLength};${'a'.repeat(20_000)}`),
  'a header that is folded': get('/health/live', 'X-A: a\r\n b\r\n'),
  'lines that end in LF': get('/health/live').replaceAll('\r\n', '\n'),
  'a CR in a header': get('/health/live', 'X-A: a\rX-B: b\r\n'),
  'a NUL in a header': get('/health/live', 'X-A: a\0b\r\n'),
  'a header without a colon': get('/health/live', 'X-A\r\n'),
  'a space in a header name': get('/health/live', 'X A: a\r\n'),
  'a line before the request': `\0${get('/health/live')}`,
  'a space in the path': get('/health/live /x'),
  'a second Host': get('/health/live', 'Host: evil.example\r\n'),
  'a Host with a path': get('/health/live').replace('localhost', 'localhost/@evil.example'),
  'a Host with a user': get('/health/live').replace('localhost', 'localhost@evil.example'),
  'a Host with a fragment': get('/health/live').replace('localhost', 'localhost#.evil.example'),
  'a URL of another host': get('http://evil.example/health/live'),
  'a URL with a user': get('http://localhost@evil.example/health/live'),
  'a URL of another scheme': get('file:///health/live'),
  'HTTP/0.9': 'GET /health/live\r\n\r\n',
  'HTTP/1.2': get('/health/live').replace('HTTP/1.1', 'HTTP/1.2'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'a method of no name': get('/health/live').replace('GET', 'FOO'),
};

describe('over a raw connection', async () => {
  const { port } = await listening();

  for (const [what, request] of Object.entries(ambiguous)) {
    test(`${what}: one 400, and the connection ends`, async () => {
      const { statuses, codes, text } = await sendRaw(port, request);
      assert.deepEqual([statuses, codes], [[400], ['malformed_request']], text.slice(0, 200));
      assert.doesNotMatch(text, /\n\s+at /);
    });
  }

  const harmless: Readonly<Record<string, readonly [request: string, ...statuses: number[]]>> = {
    'chunks with extensions': [chunked(`${hexLength};a=b`), 202],
    'chunks with trailers, which are no headers': [chunked(hexLength, '\r\n0\r\nX-API-Key: x\r\n\r\n'), 202],
    'two requests at once': [
      `${get('/health/live').replace('Connection: close\r\n', '')}${get('/nothing')}`,
      200,
      404,
    ],
    'a URL of this host': [get('http://LOCALHOST/health/live'), 200],
    'an upgrade to h2c, which is not made': [
      get('/health/live').replace(
        'Connection: close',
        'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
      ),
      200,
    ],
    'an upgrade to WebSocket, which is not made': [
      get('/health/live').replace('Connection: close', 'Connection: close, Upgrade\r\nUpgrade: websocket'),
      200,
    ],
    'TRACE, which repeats nothing': [get('/webhook', 'X-API-Key: hidden\r\n').replace('GET', 'TRACE'), 405],
    'OPTIONS of everything': [get('*').replace('GET', 'OPTIONS'), 404],
    'HEAD of what has no GET': [get('/webhook').replace('GET', 'HEAD'), 405],
    HEAD: [get('/health/live').replace('GET', 'HEAD'), 200],
    'a body that GET has not': [
      get('/health/live', 'Content-Type: application/json\r\nContent-Length: 4\r\n').concat('{"a"'),
      200,
    ],
    'thousands of headers': [get('/health/live', 'a:\r\n'.repeat(3_900)), 200],
    'one large header': [get('/health/live', `X: ${'x'.repeat(17_000)}\r\n`), 431],
    'a long path': [get(`/${'x'.repeat(17_000)}`), 431],
    'a path out of here': [get('/../../etc/passwd'), 404],
    'a path out of here, encoded': [get('/page/..%2f..%2f..%2fetc%2fpasswd'), 404],
    'a path out of here, encoded twice': [get('/page/%252e%252e%252fstyle.css'), 404],
    'a path of another host': [get('//evil.example/health/live'), 404],
    'backslashes in a path': [get('/health\\live'), 404],
    'a NUL in a path': [get('/webhook/%00'), 404],
    'half an escape in a path': [get('/webhook/%e0%a4%a'), 400],
    'an overlong slash in a path': [get('/webhook/%c0%af'), 400],
    'lines in a path': [get('/x%0d%0aSet-Cookie:%20a=b'), 404],
    'lines in a value that is answered': [get('/runs/%0d%0aX-A:%20b'), 404],
    'two thousand parameters': [get(`/conversations?${'a=1&'.repeat(2_000)}`), 422],
    'parameters of every object': [get('/conversations?__proto__=1&constructor=2&__proto__[x]=3'), 422],
    'a parameter twice': [get('/conversations?limit=1&limit=2'), 422],
    'a number that is none': [get('/conversations?limit=1e1000'), 422],
    'a query that is not UTF-8': [get('/conversations?source_system=%FF'), 400],
    'a query with a lone percent sign': [get('/conversations/search?q=50%'), 400],
  };
  for (const [what, [request, ...expected]] of Object.entries(harmless)) {
    test(`${what}: ${expected.join(', ')}`, async () => {
      const { statuses, text } = await sendRaw(port, request);
      assert.deepEqual(statuses, expected, text.slice(0, 300));
      assert.doesNotMatch(text, /^(set-cookie|x-a):|\n\s+at |hidden/im);
    });
  }

  test('headers beyond Node’s usual 2,000 still count', async () => {
    const { statuses } = await sendRaw(
      port,
      get('/health/live', `${'a:\r\n'.repeat(2_500)}Host: evil.example\r\n`),
    );
    assert.deepEqual(statuses, [400]);
  });
});

describe('a body', () => {
  const bodies: Readonly<
    Record<string, readonly [content: string | Buffer, headers: Record<string, string>, status: number]>
  > = {
    'in UTF-16': [Buffer.from(body, 'utf16le'), { 'content-type': 'application/json; charset=utf-16' }, 415],
    'in UTF-8, as said': [body, { 'content-type': 'Application/JSON ; Charset="UTF-8"' }, 202],
    'with a byte order mark': [`\ufeff${body}`, {}, 400],
    'with a broken sequence': [Buffer.from([0x22, 0xc3, 0x28, 0x22]), {}, 400],
    'with half a character that is no character': [body.replace('deals', '\\ud800'), {}, 400],
    'with a number beyond all numbers': [`{"n":1e400,${body.slice(1)}`, {}, 400],
    'with a name twice, once in disguise': [`{"\\u0071uery":"x",${body.slice(1)}`, {}, 400],
    'with the members of every object': [
      `{"constructor":{"prototype":{"x":1}},"toString":1,${body.slice(1)}`,
      {},
      202,
    ],
    'that is very deep': [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},${body.slice(1)}`, {}, 400],
    'that is very wide': [`{"a":[${'[],'.repeat(200_000)}0],${body.slice(1)}`, {}, 202],
    'that is very long': [`{"a":"${'x'.repeat(1_100_000)}"}`, {}, 413],
    'with 300 digits': [`{"n":${'9'.repeat(300)},${body.slice(1)}`, {}, 202],
    'with something after its end': [`${body}{}`, {}, 400],
    'with comments': [`/* */${body}`, {}, 400],
    'that is compressed': [gzipSync(Buffer.alloc(10_000_000)), { 'content-encoding': 'gzip' }, 415],
    'that is compressed twice': [gzipSync(gzipSync(body)), { 'content-encoding': 'gzip, gzip' }, 415],
    'in a coding that nobody has': [body, { 'content-encoding': 'identity, x' }, 415],
    'of no type': [body, { 'content-type': '' }, 415],
    'of two types': [body, { 'content-type': 'application/json, text/plain' }, 415],
    'of a type like JSON': [body, { 'content-type': 'application/jsonx' }, 415],
    'of a form': [body, { 'content-type': 'multipart/form-data; boundary=x' }, 415],
  };
  for (const [what, [payload, headers, status]] of Object.entries(bodies)) {
    test(`${what}: ${status}`, async () => {
      const app = await createTestApp();
      const sent = { host: 'localhost', 'content-type': 'application/json', ...headers };
      const response = await app.server.inject({ method: 'POST', url: '/webhook', headers: sent, payload });
      assert.equal(response.statusCode, status, response.body.slice(0, 200));
      assert.equal(({} as Record<string, unknown>).x, undefined);
    });
  }
});

test('a form is a form, and not JSON', async () => {
  const app = await createTestApp();
  for (const url of ['/sign-in', '/page/ask']) {
    const headers = { host: 'localhost', 'content-type': 'application/json' };
    const response = await app.server.inject({ method: 'POST', url, headers, payload: '{}' });
    assert.equal(response.statusCode, 415, url);
  }
});

describe('who is slow, or many', () => {
  test('a request that does not come to its end is cut off, in its headers and in its body', async () => {
    const { port } = await listening({ requestTimeoutMs: 200 });
    const slow = async (start: string) => {
      const startedAt = performance.now();
      const { statuses } = await sendRaw(port, start, 10_000);
      return { statuses, tookMs: performance.now() - startedAt };
    };
    const beginnings = [
      '',
      'GET / HTTP/1.1\r\nHost: local',
      post(`Content-Length: ${length}\r\n`, body.slice(0, 5)),
    ];
    for (const start of beginnings) {
      const { statuses, tookMs } = await slow(start);
      assert.deepEqual(statuses, [408], start);
      assert.ok(tookMs < 5_000, `${tookMs} ms`);
    }
  });

  test('a trickle is no progress', async () => {
    const { port } = await listening({ requestTimeoutMs: 200 });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
    const trickle = setInterval(() => socket.write('x'), 10);
    await once(socket.resume(), 'close');
    clearInterval(trickle);
  });

  test('connections beyond the limit are closed, and those within it go on', async () => {
    const { port } = await listening({ connectionLimit: 3 });
    const first = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'));
    await Promise.all(first.map((socket) => once(socket, 'connect')));
    const { text } = await sendRaw(port, get('/health/live'));
    assert.equal(text, '');
    first[0]!.write(get('/health/live'));
    const [answer] = (await once(first[0]!, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200/);
    for (const socket of first) socket.destroy();
  });
});

describe('what browsers are told', () => {
  const headersOf = async (app: TestApp, url: string, headers: Record<string, string> = {}) =>
    (await app.server.inject({ url, headers: { host: 'localhost', ...headers } })).headers;

  test('with every answer, pages, problems and files', async () => {
    const app = await createTestApp();
    for (const url of [
      '/',
      '/docs',
      '/style.css',
      '/openapi.json',
      '/conversations',
      '/health/live',
      '/nothing',
      '/webhook/x',
      '/webhook/%c0%af',
      '/webhook/%c0%af',
    ]) {
      const headers = await headersOf(app, url);
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.equal(headers['referrer-policy'], 'same-origin', url);
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', url);
      assert.match(
        String(headers['content-security-policy']),
        /^default-src 'none';.*frame-ancestors 'none'/,
        url,
      );
      assert.equal(
        headers['cache-control'],
        url === '/style.css' ? 'public, max-age=31536000, immutable' : 'no-store',
        url,
      );
      assert.deepEqual(
        [headers['x-powered-by'], headers.server, headers['strict-transport-security']],
        [undefined, undefined, undefined],
      );
    }
  });

  test('to come by TLS, where they came by it', async () => {
    const app = await createTestApp();
    const told = async (proto: string) =>
      (await headersOf(app, '/', { 'x-forwarded-proto': proto }))['strict-transport-security'];
    assert.equal(await told('https'), 'max-age=31536000');
    assert.equal(await told('HTTPS, http'), 'max-age=31536000');
    assert.equal(await told('http'), undefined);
  });
});

describe('pages of other origins', () => {
  const key = 'k'.repeat(20);
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  const ask = async (app: TestApp, method: 'OPTIONS' | 'POST' | 'GET', headers: Record<string, string>) =>
    app.server.inject({
      ...{ method, url: method === 'GET' ? '/conversations' : '/webhook' },
      headers: { host: 'localhost', ...headers },
      ...(method === 'POST' && { payload: question() }),
    });

  test('are told nothing where none is configured', async () => {
    const app = await createTestApp({ apiKeys: `crm:admin:${key}` });
    const answer = await ask(app, 'OPTIONS', { origin: 'https://app.example', ...preflight });
    assert.equal(answer.statusCode, 403);
    for (const name of Object.keys(answer.headers)) assert.doesNotMatch(name, /^access-control/);
  });

  test('may call when their origin is configured, exactly, with a key of their own', async () => {
    const app = await createTestApp({ apiKeys: `crm:admin:${key}`, corsOrigins: ['https://app.example'] });
    const origin = 'https://app.example';
    const asked = await ask(app, 'OPTIONS', { origin, 'sec-fetch-site': 'cross-site', ...preflight });
    assert.equal(asked.statusCode, 204);
    assert.equal(asked.headers['access-control-allow-origin'], origin);
    assert.match(String(asked.headers['access-control-allow-headers']), /Authorization/);
    assert.equal(asked.headers['access-control-allow-credentials'], undefined);
    const sent = await ask(app, 'POST', { origin, 'sec-fetch-site': 'cross-site', 'x-api-key': key });
    assert.deepEqual(
      [sent.statusCode, sent.headers['access-control-allow-origin'], sent.headers.vary],
      [202, origin, 'Origin'],
    );
    assert.equal((await ask(app, 'POST', { origin, 'sec-fetch-site': 'cross-site' })).statusCode, 401);
    const others = [
      'https://app.example.evil.example',
      'http://app.example',
      'https://APP.example',
      'https://app.example:8443',
      'null',
    ];
    for (const other of others) {
      const refused = await ask(app, 'POST', { origin: other, 'x-api-key': key });
      assert.deepEqual(
        [refused.statusCode, refused.headers['access-control-allow-origin']],
        [403, undefined],
        other,
      );
    }
    assert.equal(
      (await ask(app, 'GET', { 'x-api-key': key })).headers['access-control-allow-origin'],
      undefined,
    );
  });
});
