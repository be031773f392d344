import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import examples from '@octokit/webhooks-examples/api.github.com/index.json' with { type: 'json' };
import { sign as signLikeGithub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import type { JsonObject } from '../core/json.ts';
import { payloadOf } from './payload.ts';
import type { InboundRequest, Verdict } from './scheme.ts';
import { schemes } from './schemes.ts';

const now = Date.parse('2026-08-14T09:18:33.360Z');
const seconds = Math.floor(now / 1_000);

interface Sent {
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
  readonly url?: string;
}

function requestOf({
  body = '',
  headers = {},
  url = 'https://example.com/webhooks/crm',
}: Sent): InboundRequest {
  return { method: 'POST', url, headers, body: Buffer.from(body) };
}

function verify(scheme: string, sent: Sent, secrets: string[], options: JsonObject = {}, at = now): Verdict {
  return schemes.get(scheme)!.verify(requestOf(sent), secrets, options, at);
}

const hmac = (algorithm: string, key: string, text: string, encoding: 'hex' | 'base64' = 'hex') =>
  createHmac(algorithm, key).update(text).digest(encoding);

/** SHA-1 over the address and the fields in the order of their names. */
const signLikeTwilio = (url: string, fields = '') => hmac('sha1', '12345', url + fields, 'base64');

/** What every scheme with a secret must do, given a request that is signed well. */
interface Genuine {
  readonly scheme: string;
  readonly secret: string;
  readonly sent: Sent;
  readonly options?: JsonObject;
  /** The header with the signature or the credentials. */
  readonly header: string;
  /** Absent where no time is signed. */
  readonly signsTime?: true;
  /** Whether the body is covered by the signature. */
  readonly signsBody?: false;
}

const body = '{"id":"evt_1","type":"invoice.paid","webhookTimestamp":1786699113360}';
const standardSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const formBody = 'CallSid=CA1&From=%2B14158675309&To=%2B18005551212&Digits=1234';
const soap = (organizationId = '00D000000000001AAA') =>
  `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">
  <OrganizationId>${organizationId}</OrganizationId><ActionId>04k000000000001AAA</ActionId><SessionId>not for us</SessionId>
  <Notification><Id>04l000000000001AAA</Id>
   <sObject xsi:type="sf:Opportunity" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
    <sf:Id>006000000000001AAA</sf:Id><sf:Name>Renewal &amp; more</sf:Name><sf:NextStep xsi:nil="true"/>
   </sObject></Notification>
  <Notification><Id>04l000000000002AAA</Id><sObject xsi:type="sf:Opportunity" xmlns:sf="urn:x"><sf:Id>006000000000002AAA</sf:Id></sObject></Notification>
 </notifications></soapenv:Body></soapenv:Envelope>`;

const genuine: readonly Genuine[] = [
  {
    scheme: 'github',
    secret: "It's a Secret to Everybody",
    sent: {
      body: 'Hello, World!',
      headers: {
        'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      },
    },
    header: 'x-hub-signature-256',
  },
  {
    scheme: 'stripe',
    secret: 'whsec_test_secret',
    sent: {
      body,
      headers: {
        'stripe-signature': `t=${seconds},v1=${hmac('sha256', 'whsec_test_secret', `${seconds}.${body}`)}`,
      },
    },
    header: 'stripe-signature',
    signsTime: true,
  },
  {
    scheme: 'slack',
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    sent: {
      body,
      headers: {
        'x-slack-request-timestamp': String(seconds),
        'x-slack-signature': `v0=${hmac('sha256', '8f742231b10e8888abcd99yyyzzz85a5', `v0:${seconds}:${body}`)}`,
      },
    },
    header: 'x-slack-signature',
    signsTime: true,
  },
  {
    scheme: 'standard-webhooks',
    secret: standardSecret,
    sent: {
      body,
      headers: {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(seconds),
        'webhook-signature': new Webhook(standardSecret).sign('msg_1', new Date(now), body),
      },
    },
    header: 'webhook-signature',
    signsTime: true,
  },
  {
    scheme: 'shopify',
    secret: 'hush',
    sent: { body, headers: { 'x-shopify-hmac-sha256': hmac('sha256', 'hush', body, 'base64') } },
    header: 'x-shopify-hmac-sha256',
  },
  {
    scheme: 'pagerduty',
    secret: 'hush',
    sent: {
      body,
      headers: { 'x-pagerduty-signature': `v1=${'0'.repeat(64)},v1=${hmac('sha256', 'hush', body)}` },
    },
    header: 'x-pagerduty-signature',
  },
  {
    scheme: 'linear',
    secret: 'hush',
    sent: { body, headers: { 'linear-signature': hmac('sha256', 'hush', body) } },
    header: 'linear-signature',
    signsTime: true,
  },
  {
    scheme: 'twilio',
    secret: '12345',
    sent: {
      body: formBody,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': signLikeTwilio(
          'https://example.com/webhooks/crm',
          'CallSidCA1Digits1234From+14158675309To+18005551212',
        ),
      },
    },
    header: 'x-twilio-signature',
  },
  {
    scheme: 'hmac',
    secret: 'hush',
    options: {
      header: 'X-Acme-Signature',
      algorithm: 'sha512',
      encoding: 'base64',
      prefix: 'v2=',
      signed: '{method} {url} {timestamp}.{body}',
      timestamp_header: 'X-Acme-Time',
    },
    sent: {
      body,
      headers: {
        'x-acme-time': String(seconds),
        'x-acme-signature': `v2=${hmac('sha512', 'hush', `POST https://example.com/webhooks/crm ${seconds}.${body}`, 'base64')}`,
      },
    },
    header: 'x-acme-signature',
    signsTime: true,
  },
  {
    scheme: 'salesforce',
    secret: 'a shared secret',
    options: { organization_id: '00D000000000001' },
    sent: {
      body: soap(),
      headers: {
        'content-type': 'text/xml; charset=UTF-8',
        authorization: `Basic ${Buffer.from('salesforce:a shared secret').toString('base64')}`,
      },
    },
    header: 'authorization',
    signsBody: false,
  },
  {
    scheme: 'salesforce',
    secret: 'hush',
    sent: { body, headers: { 'x-salesforce-signature': hmac('sha256', 'hush', body, 'base64') } },
    header: 'x-salesforce-signature',
  },
  {
    scheme: 'basic',
    secret: 'crm:open sesame',
    sent: { body, headers: { authorization: `Basic ${Buffer.from('crm:open sesame').toString('base64')}` } },
    header: 'authorization',
    signsBody: false,
  },
  {
    scheme: 'bearer',
    secret: 'open-sesame',
    sent: { body, headers: { authorization: 'Bearer open-sesame' } },
    header: 'authorization',
    signsBody: false,
  },
];

for (const { scheme, secret, sent, options = {}, header, signsTime, signsBody } of genuine) {
  describe(`${scheme}, ${header}`, () => {
    test('takes what is signed with its secret, also while another one is newer', () => {
      assert.deepEqual(verify(scheme, sent, [secret], options), { verified: true, secret: 0 });
      const newer = scheme === 'standard-webhooks' ? `whsec_${Buffer.alloc(24).toString('base64')}` : 'newer';
      assert.deepEqual(verify(scheme, sent, [newer, secret], options), { verified: true, secret: 1 });
    });

    test('refuses another secret, no secret, no signature and every broken signature', () => {
      const other =
        scheme === 'standard-webhooks' ? `whsec_${Buffer.alloc(24).toString('base64')}` : 'other:x';
      assert.deepEqual(verify(scheme, sent, [other], options), { verified: false, because: 'mismatch' });
      assert.equal(verify(scheme, sent, [], options).verified, false);
      const { [header]: signature = '', ...unsigned } = sent.headers!;
      assert.deepEqual(verify(scheme, { ...sent, headers: unsigned }, [secret], options), {
        verified: false,
        because: 'missing',
      });
      const wrong = [
        '',
        ',',
        '=',
        'v1=',
        'v1,',
        't=1',
        signature.slice(0, -4),
        `${signature.slice(0, -4)}AAAA`,
        '\u0000',
        'é',
      ];
      for (const value of wrong) {
        const headers = { ...sent.headers, [header]: value };
        assert.equal(verify(scheme, { ...sent, headers }, [secret], options).verified, false, value);
      }
    });

    if (signsBody !== false) {
      test('refuses another body', () => {
        const altered = `${sent.body as string} `;
        assert.deepEqual(verify(scheme, { ...sent, body: altered }, [secret], options), {
          verified: false,
          because: 'mismatch',
        });
      });
    }

    if (signsTime === true) {
      test('refuses a time more than five minutes off', () => {
        for (const offMs of [-301_000, 301_000]) {
          assert.deepEqual(verify(scheme, sent, [secret], options, now + offMs), {
            verified: false,
            because: 'stale',
          });
          assert.deepEqual(
            verify(
              scheme,
              sent,
              [scheme === 'standard-webhooks' ? `whsec_${'A'.repeat(32)}` : 'x'],
              options,
              now + offMs,
            ),
            { verified: false, because: 'mismatch' },
          );
        }
        for (const offMs of [-298_000, 298_000]) {
          assert.equal(verify(scheme, sent, [secret], options, now + offMs).verified, true);
        }
      });
    }
  });
}

describe('github', () => {
  test('takes all example payloads as the vendor signs them', async () => {
    let count = 0;
    for (const { name, examples: payloads } of examples) {
      for (const payload of payloads) {
        const text = JSON.stringify(payload);
        const headers = {
          'content-type': 'application/json',
          'x-github-event': name,
          'x-github-delivery': `d-${count}`,
          'x-hub-signature-256': await signLikeGithub('hush', text),
        };
        const sent = { body: text, headers };
        assert.equal(verify('github', sent, ['hush']).verified, true);
        const github = schemes.get('github')!;
        const request = requestOf(sent);
        const events = github.events(request, payloadOf(github, request), {});
        assert.deepEqual(events, [
          { deliveryId: `d-${count}`, idIsUnsigned: true, eventType: name, payload },
        ]);
        count++;
      }
    }
    assert.ok(count >= 329, `${count} examples`);
  });

  test('refuses the old signature unless it is allowed, and always beside a new one', () => {
    const old = { 'x-hub-signature': `sha1=${hmac('sha1', 'hush', body)}` };
    assert.equal(verify('github', { body, headers: old }, ['hush']).verified, false);
    assert.equal(verify('github', { body, headers: old }, ['hush'], { allow_sha1: true }).verified, true);
    const both = { ...old, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
    assert.equal(verify('github', { body, headers: both }, ['hush'], { allow_sha1: true }).verified, false);
  });

  test('reads the JSON in a form', () => {
    const github = schemes.get('github')!;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = new URLSearchParams({ payload: '{"zen":"a & b"}' }).toString();
    assert.deepEqual(payloadOf(github, requestOf({ body: form, headers })), { zen: 'a & b' });
  });
});

describe('stripe', () => {
  test('takes any of several v1 signatures and never a v0', () => {
    const good = hmac('sha256', 'hush', `${seconds}.${body}`);
    const zeros = '0'.repeat(64);
    const header = (rest: string) => ({ 'stripe-signature': `t=${seconds},${rest}` });
    assert.equal(
      verify('stripe', { body, headers: header(`v1=${zeros},v1=${good}`) }, ['hush']).verified,
      true,
    );
    assert.equal(
      verify('stripe', { body, headers: header(`v1=${zeros},v0=${good}`) }, ['hush']).verified,
      false,
    );
    assert.equal(
      verify('stripe', { body, headers: header(`v1=${good},t=${seconds + 900}`) }, ['hush']).verified,
      true,
    );
  });
});

describe('slack', () => {
  test("takes the vendor's documented vector", () => {
    const vector =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const headers = {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    };
    const secrets = ['8f742231b10e8888abcd99yyyzzz85a5'];
    assert.equal(verify('slack', { body: vector, headers }, secrets, {}, 1_531_420_618_000).verified, true);
  });

  test('answers the question whether we are there', () => {
    const reply = schemes.get('slack')!.handshake?.({ type: 'url_verification', challenge: '3eZbrw1a' });
    assert.equal(reply?.body, '3eZbrw1a');
    assert.equal(schemes.get('slack')!.handshake?.({ type: 'event_callback' }), undefined);
  });
});

describe('standard-webhooks', () => {
  test("takes the standard's vector, also under the older names of its header fields", () => {
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
    const values = [
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      '1614265330',
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    ];
    for (const prefix of ['webhook', 'svix']) {
      const names = ['id', 'timestamp', 'signature'].map((part) => `${prefix}-${part}`);
      const headers = Object.fromEntries(names.map((name, index) => [name, values[index]!]));
      const sent = { body: '{"test": 2432232314}', headers };
      assert.equal(verify('standard-webhooks', sent, secrets, {}, 1_614_265_330_000).verified, true);
    }
  });

  test('takes Ed25519 signatures under a public key', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const signature = signBytes(null, Buffer.from(`msg_1.${seconds}.${body}`), privateKey);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,AAAA v1a,${signature.toString('base64')}`,
    };
    const secrets = [`whpk_${raw.toString('base64')}`];
    assert.equal(verify('standard-webhooks', { body, headers }, secrets).verified, true);
    assert.equal(verify('standard-webhooks', { body: `${body} `, headers }, secrets).verified, false);
    const relabelled = { ...headers, 'webhook-signature': `v1,${signature.toString('base64')}` };
    assert.equal(verify('standard-webhooks', { body, headers: relabelled }, secrets).verified, false);
  });

  test('names secrets that cannot be ones', () => {
    const problem = schemes.get('standard-webhooks')!.problemOfSecret!;
    assert.equal(problem(standardSecret), undefined);
    for (const secret of ['whsec_', 'whsec_!!!', 'whpk_AAAA', 'short'])
      assert.match(problem(secret)!, /^is not/);
  });
});

describe('twilio', () => {
  const fields = {
    CallSid: 'CA1234567890ABCDE',
    Caller: '+14158675309',
    Digits: '1234',
    From: '+14158675309',
    To: '+18005551212',
  };
  const form = new URLSearchParams(fields).toString();
  const headers = (signature: string) => ({
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': signature,
  });

  test("takes the vendor's documented vector, with the port in the address or without it", () => {
    const signature = 'RSOYDt4T1cUTdK1PDd93/VVr8B8=';
    for (const port of ['', ':443']) {
      const url = `https://mycompany.com${port}/myapp.php?foo=1&bar=2`;
      assert.equal(
        verify('twilio', { body: form, url, headers: headers(signature) }, ['12345']).verified,
        true,
      );
    }
  });

  test('takes a signature over an address with a port where the proxy hides it', () => {
    const signature = signLikeTwilio('https://example.com:443/x', Object.entries(fields).flat().join(''));
    const sent = { body: form, url: 'https://example.com/x', headers: headers(signature) };
    assert.equal(verify('twilio', sent, ['12345']).verified, true);
  });

  test('takes a field that comes several times, and JSON under its hash', () => {
    const several = signLikeTwilio('https://example.com/x', 'MessagingServiceSidaMessagingServiceSidb');
    const sent = { body: 'MessagingServiceSid=b&MessagingServiceSid=a', url: 'https://example.com/x' };
    assert.equal(verify('twilio', { ...sent, headers: headers(several) }, ['12345']).verified, true);

    const url = `https://example.com/x?bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    const signature = signLikeTwilio(url);
    const json = { 'content-type': 'application/json', 'x-twilio-signature': signature };
    assert.equal(verify('twilio', { body, url, headers: json }, ['12345']).verified, true);
    assert.equal(verify('twilio', { body: `${body} `, url, headers: json }, ['12345']).verified, false);
  });

  test('refuses a JSON body that the address says nothing of', () => {
    const url = 'https://example.com/x';
    const signature = signLikeTwilio(url);
    const json = { 'content-type': 'application/json', 'x-twilio-signature': signature };
    assert.equal(verify('twilio', { body, url, headers: json }, ['12345']).verified, false);
  });
});

describe('salesforce', () => {
  const xml = { 'content-type': 'text/xml; charset=UTF-8' };
  const url = 'https://example.com/webhooks/crm?secret=a%20shared%20secret';
  const salesforce = schemes.get('salesforce')!;

  test('takes the secret in the address, of its organisation alone', () => {
    const options = { organization_id: '00D000000000001AAA' };
    const sent = { body: soap(), url, headers: xml };
    assert.equal(verify('salesforce', sent, ['a shared secret'], options).verified, true);
    const foreign = { ...sent, body: soap('00D000000000002AAA') };
    assert.deepEqual(verify('salesforce', foreign, ['a shared secret'], options), {
      verified: false,
      because: 'mismatch',
    });
  });

  test('makes an event of each notification, without the session, and acknowledges', () => {
    const request = requestOf({ body: soap(), headers: xml });
    const events = salesforce.events(request, payloadOf(salesforce, request), {});
    assert.deepEqual(events[0], {
      deliveryId: '04l000000000001AAA',
      eventType: 'Opportunity',
      payload: {
        organizationId: '00D000000000001AAA',
        actionId: '04k000000000001AAA',
        id: '04l000000000001AAA',
        type: 'Opportunity',
        object: { Id: '006000000000001AAA', Name: 'Renewal & more', NextStep: null },
      },
    });
    assert.equal(events.length, 2);
    assert.doesNotMatch(JSON.stringify(events), /not for us/);
    assert.match(salesforce.acknowledgement!().body, /<Ack>true<\/Ack>/);
  });

  test('refuses XML that is broken, deep, an entity bomb or something else', () => {
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>';
    const deep = '<a>'.repeat(40) + '</a>'.repeat(40);
    for (const [text, message] of [
      [bomb, /document type/],
      [deep, /nested deeper/],
      ['<a><b></a>', /well-formed/],
      ['<a/>', /not an outbound message/],
      ['', /not an outbound message|well-formed|empty/],
    ] as const) {
      const request = requestOf({ body: text || ' ', headers: xml });
      assert.throws(() => payloadOf(salesforce, request), { code: 'malformed_request', message });
    }
  });
});
