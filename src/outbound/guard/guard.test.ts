import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { after, before, beforeEach, describe, test } from 'node:test';
import { answer, type Receiver, startReceiver } from '../../../test/fixtures/receiver.ts';
import { createSender } from '../send.ts';
import { allowNothing, type OutboundAllow, parseOutboundAllow } from './allow.ts';
import type { Trust } from './client.ts';
import { createOutboundGuard, type LookupAll } from './guard.ts';

const allowing = (text: string): OutboundAllow => parseOutboundAllow(text)!;

/** DNS that gives an answer after the other; the last one stays. */
function answering(...answers: readonly string[][]): LookupAll & { asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupAll = (hostname, _, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)]!;
    asked.push(hostname);
    const found = addresses.map(
      (address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }),
    );
    process.nextTick(callback, null, found);
  };
  return Object.assign(lookup, { asked });
}

let receiver: Receiver;
let port: string;
before(async () => {
  receiver = await startReceiver();
  port = new URL(receiver.url).port;
});
beforeEach(() => {
  receiver.received.splice(0);
});
after(() => receiver.close());

/** What comes of posting to a URL, and whether anything arrived. */
async function post(url: string, options: { lookup?: LookupAll; allow?: OutboundAllow; trust?: Trust } = {}) {
  const { trust = 'data', ...rest } = options;
  const sender = createSender({ timeoutMs: 2_000, ...rest });
  try {
    const outcome = await sender.send({ url, trust, headers: {}, body: '' }, new AbortController().signal);
    return {
      reason: outcome.kind === 'failed' ? outcome.reason : outcome.kind,
      arrived: receiver.received.length,
    };
  } finally {
    await sender.close();
  }
}

describe('a URL from data', () => {
  const hosts = [
    ...[
      '127.0.0.1',
      'localhost',

      'LOCALHOST',
      '127.0.0.1.',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0x7f.1',
    ],
    ...[
      '0177.0.0.1',
      '017700000001',
      '0',
      '0.0.0.0',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
    ],
    ...[
      '[2002:7f00:1::]',
      '①②⑦.⓪.⓪.①',
      '127。0。0。1',
      '%31%32%37.0.0.1',
      '169.254.169.254',
      '0xA9FEA9FE',
      '[fd00:ec2::254]',
    ],
    ...['10.0.0.1', '192.168.0.1', '172.16.0.1', '100.64.0.1', '224.0.0.1'],
  ];
  for (const host of hosts) {
    test(`http://${host}/ is not called`, async () => {
      const { reason, arrived } = await post(`http://${host}:${port}/hook`);
      assert.match(reason, /not for everybody/);
      assert.equal(arrived, 0);
    });
  }

  test('with credentials, of another scheme or with a name that hides in them, is not called', async () => {
    for (const url of [
      `http://user:pass@127.0.0.1:${port}/`,
      `http://example.com@127.0.0.1:${port}/`,
      `http://example.com:80@localhost:${port}/`,
    ]) {
      assert.match((await post(url)).reason, /credentials/);
    }
    for (const url of ['file:///etc/passwd', 'ftp://example.com/', 'gopher://127.0.0.1/', 'data:,x']) {
      assert.match((await post(url)).reason, /no scheme that is called/);
    }
    assert.match((await post(`http://127.0.0.1:${port}#@example.com/`)).reason, /not for everybody/);
    assert.match((await post(`http:\\\\127.0.0.1:${port}\\@example.com`)).reason, /not for everybody/);
    assert.equal(receiver.received.length, 0);
  });

  test('is not called when any address of its name is not for everybody', async () => {
    for (const addresses of [
      ['127.0.0.1'],
      ['93.184.216.34', '127.0.0.1'],
      ['::1', '2606:4700::1111'],
      ['::ffff:a9fe:a9fe'],
    ]) {
      const { reason, arrived } = await post(`http://app.example:${port}/`, { lookup: answering(addresses) });
      assert.match(reason, /"app\.example" leads to an address that is not for everybody/);
      assert.doesNotMatch(reason, /127\.0\.0\.1|::1/);
      assert.equal(arrived, 0);
    }
  });

  test('is connected to the address that was looked at: a name that answers otherwise later changes nothing', async () => {
    const lookup = answering(['127.0.0.1'], ['10.9.9.9']);
    // What is allowed is an address, so the first answer may be called, and the second may not.
    const { reason, arrived } = await post(`http://rebind.example:${port}/hook`, {
      lookup,
      allow: allowing('127.0.0.1'),
    });
    assert.deepEqual([reason, arrived, lookup.asked], ['delivered', 1, ['rebind.example']]);
    const { reason: second } = await post(`http://rebind.example:${port}/hook`, {
      lookup,
      allow: allowing('127.0.0.1'),
    });
    assert.match(second, /not for everybody/);
  });

  test('is looked at again for each connection', async () => {
    const lookup = answering(['127.0.0.1'], ['169.254.169.254']);
    const sender = createSender({ timeoutMs: 2_000, lookup, allow: allowing('127.0.0.1') });
    const send = async () => {
      const message = {
        url: `http://rebind.example:${port}/hook`,
        trust: 'data',
        headers: { connection: 'close' },
        body: '',
      } as const;
      return sender.send(message, new AbortController().signal);
    };
    receiver.next(answer(200, { connection: 'close' }));
    assert.equal((await send()).kind, 'delivered');
    const second = await send();
    await sender.close();
    assert.match(second.kind === 'failed' ? second.reason : '', /not for everybody/);
  });

  test('is not followed where it redirects to', async () => {
    receiver.next(answer(302, { location: 'http://169.254.169.254/latest/meta-data/' }));
    const { reason, arrived } = await post(`http://app.example:${port}/hook`, {
      lookup: answering(['127.0.0.1']),
      allow: allowing('app.example'),
    });
    assert.match(reason, /redirects are not followed/);
    assert.equal(arrived, 1);
  });
});

describe('what is allowed', () => {
  test('a host, a part of a domain, an address, a network', async () => {
    const cases: [allow: string, url: string, lookup: LookupAll][] = [
      ['app.internal', 'http://app.internal', answering(['127.0.0.1'])],
      ['APP.internal', 'http://app.Internal.', answering(['127.0.0.1'])],
      ['*.internal', 'http://a.b.internal', answering(['127.0.0.1'])],
      ['127.0.0.0/8', 'http://127.0.0.1', answering([])],
      ['127.0.0.1', 'http://0x7f.1', answering([])],
      ['10.0.0.0/8, 127.0.0.1', 'http://x.example', answering(['127.0.0.1'])],
    ];
    for (const [allow, url, lookup] of cases) {
      const { reason } = await post(`${url}:${port}/hook`, { allow: allowing(allow), lookup });
      assert.equal(reason, 'delivered', `${allow} ${url}`);
    }
  });

  test('and nothing beside it', async () => {
    const cases: [allow: string, host: string][] = [
      ['app.internal', 'other.app.internal'],
      ['*.internal', 'internal'],
      ['*.internal', 'evilinternal'],
      ['10.0.0.0/8', 'x.example'],
    ];
    for (const [allow, host] of cases) {
      const { reason } = await post(`http://${host}:${port}/`, {
        allow: allowing(allow),
        lookup: answering(['127.0.0.1']),
      });
      assert.match(reason, /not for everybody/, `${allow} ${host}`);
    }
  });

  test('what is neither host nor network cannot be configured', () => {
    for (const text of ['10.0.0.0/33', 'http://x', 'a b', '*', '*.*', '10.1', '-', 'x/8']) {
      assert.equal(parseOutboundAllow(text), undefined, text);
    }
    assert.ok(parseOutboundAllow('fd00::/8, crm.internal, my_service'));
  });
});

test('the URL of the operator leads anywhere', async () => {
  assert.equal((await post(receiver.url, { trust: 'operator' })).reason, 'delivered');
});

test('a lookup that fails is told as what it is, and a caller that wants one address gets one', async () => {
  const failing: LookupAll = (_, __, callback) =>
    callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
  assert.match((await post('http://nowhere.example/', { lookup: failing })).reason, /ENOTFOUND/);
  const guard = createOutboundGuard(allowNothing, answering(['8.8.8.8', '1.1.1.1']));
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  guard.lookup('x.example', {}, (...given) => resolve(given));
  assert.deepEqual(await promise, [null, '8.8.8.8', 4]);
});
