import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from './json.ts';
import { createRedactor, redactedText } from './redact.ts';

const all = createRedactor({ kinds: ['secrets', 'email', 'phone'], fields: [] });
const secretsAlone = createRedactor({ kinds: ['secrets'], fields: [] });
const random = (length: number) => randomBytes(length).toString('hex').slice(0, length);

test('secrets of known shapes are taken out, with what is around them left', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { privateKey: encryptedKey } = generateKeyPairSync('rsa', {
    modulusLength: 1_024,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' },
  });
  const secrets = [
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim(),
    JSON.stringify(privateKey.export({ type: 'pkcs8', format: 'pem' })).slice(1, -3),
    `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: '1', name: 'x' })}.${random(43)}`,
    `whsec_${randomBytes(24).toString('base64')}`,
    `sk_live_${random(24)}`,
    `sk-ant-${random(30)}`,
    `ghp_${random(36)}`,
    `github_pat_${random(40)}`,
    `glpat-${random(20)}`,
    `xoxb-${random(24)}`,
    `npm_${random(36)}`,
    `AIza${random(35)}`,
    `AKIA${random(16).toUpperCase()}`,
    `sb_${random(8)}_${randomBytes(32).toString('base64url')}`,
    `sk-proj-${randomBytes(40).toString('base64url')}`,
    `xapp-1-A${random(10)}-${random(12)}-${random(30)}`,
    `xoxe.xoxp-1-${random(60)}`,
    `hf_${random(34)}`,
    `shpat_${random(32)}`,
    `123456789:AA${random(33)}`,
    `glrt-${random(20)}`,
    encryptedKey.trim(),
  ];
  for (const secret of secrets) {
    assert.equal(secretsAlone.text(`before ${secret} after`), `before ${redactedText} after`, secret);
  }
  assert.equal(
    secretsAlone.text(`Authorization: Bearer ${random(20)}`),
    `Authorization: Bearer ${redactedText}`,
  );
  assert.equal(
    secretsAlone.text('see https://me:pass-word@example.com/x'),
    `see https://${redactedText}@example.com/x`,
  );
});

test('keys with headers, cut off or of OpenPGP, and credentials in any case, are taken out', () => {
  const body = `${randomBytes(48).toString('base64')}\n`.repeat(20);
  const headed = `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\n${body}`;
  const secrets = [
    `-----BEGIN RSA PRIVATE KEY-----\n${headed}-----END RSA PRIVATE KEY-----`,
    `-----BEGIN PGP PRIVATE KEY BLOCK-----\nComment: a-b\n\n${body}-----END PGP PRIVATE KEY BLOCK-----`,
    `-----BEGIN PRIVATE KEY-----\n${body}`,
    `xapp-1-${random(20)}`,
  ];
  for (const secret of secrets) assert.equal(secretsAlone.text(`before ${secret}`), `before ${redactedText}`);
  for (const scheme of ['BEARER ', 'bearer\t', 'Bearer  ', 'BASIC '])
    assert.equal(secretsAlone.text(`${scheme}${random(20)}`), `${scheme}${redactedText}`);
  assert.equal(secretsAlone.text('https://me:p@ss@host/x'), `https://${redactedText}@host/x`);
  const cutOff = JSON.stringify({ key: `-----BEGIN PRIVATE KEY-----\n${body}`, note: 'a "b" c' });
  assert.deepEqual(JSON.parse(secretsAlone.text(cutOff)), { key: redactedText, note: 'a "b" c' });
});

test('names of fields are redacted as well, and none is lost', () => {
  const found = all.json({ 'anna@example.com': 1, 'bob@example.com': 2, name: 3 });
  assert.deepEqual(found, { [redactedText]: 1, [`${redactedText} 2`]: 2, name: 3 });
});

test('secrets are taken out of addresses, and after a name that says what they are', () => {
  const at = 'https://a.example/x';
  const cases = [
    ['postgres://user:p@ss@db.example/x', `postgres://${redactedText}@db.example/x`],
    ['redis://:hunter2@db.example', `redis://${redactedText}@db.example`],
    [`${at}?sig=${random(20)}&x=1`, `${at}?sig=${redactedText}&x=1`],
    [`${at}?X-Amz-Signature=${random(64)}`, `${at}?X-Amz-Signature=${redactedText}`],
    [
      `https://hooks.slack.com/services/T0/B0/${random(24)}`,
      `https://hooks.slack.com/services/${redactedText}`,
    ],
    ['client_secret=hunter22&x=1', `client_secret=${redactedText}&x=1`],
    ['{"Token":"hunter","n":1}', `{"Token":"${redactedText}","n":1}`],
    [JSON.stringify('{"password":"hunter"}'), JSON.stringify(`{"password":"${redactedText}"}`)],
    ['Your password: hunter22 it is', `Your password: ${redactedText} it is`],
    // Cut off by a limit somewhere before.
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw', redactedText],
  ] as const;
  for (const [text, expected] of cases) assert.equal(secretsAlone.text(text), expected);
  const value = { password: 'hunter', list: [{ Api_Key: 'x', token: 7 }], 'anna@example.com': 'kept' };
  const expected = { password: redactedText, list: [{ Api_Key: redactedText, token: 7 }] };
  assert.deepEqual(all.json(value), { ...expected, [redactedText]: 'kept' });
});

test('e-mail addresses and telephone numbers are taken out by choice alone', () => {
  const text = 'Ask anna.o+x@mail.example.com, +49 (30) 1234-5678 or (555) 123-4567, 555-123-4567.';
  assert.equal(all.text(text), `Ask ${redactedText}, ${redactedText} or ${redactedText}, ${redactedText}.`);
  assert.equal(secretsAlone.text(text), text);
});

test('what only looks a little like one stays', () => {
  const texts = [
    'webhook_20260814_091833_testing_phase3valid_abc123',
    '0199f6c1-7a2b-7c3d-8e4f-5a6b7c8d9e0f',
    '2026-08-14T09:18:33.360Z, 1786699113360, $1,234,567.89, 12,345 + 6,789',
    'The bearer of news; basic arithmetic; task-force; risk-free; a@b; sk-short',
    'https://example.com:8080/path@version',
    'lodash@4.17.21, 192.168.100.2000, 1.555.123.4567, 120-34-5678, 2026.08.14-1234',
    'The token: some words. secret=no, password: (none), next_page_token=abcdefgh, {"token":7}',
  ];
  for (const text of texts) assert.equal(all.text(text), text);
});

test('fields are taken out by the end of their path, whatever they hold', () => {
  const redactor = createRedactor({ kinds: [], fields: ['ssn', 'customer.*.name', '__proto__'] });
  const value = JSON.parse(
    '{"ssn":{"deep":1},"list":[{"ssn":[1,2],"keep":"x"}],"customer":{"a":{"name":"N","age":3},"name":"kept"},"__proto__":"p"}',
  ) as Json;
  assert.equal(
    JSON.stringify(redactor.json(value)),
    '{"ssn":"[redacted]","list":[{"ssn":"[redacted]","keep":"x"}],"customer":{"a":{"name":"[redacted]","age":3},"name":"kept"},"__proto__":"[redacted]"}',
  );
});

test('redacting twice is redacting once, JSON text stays JSON, and no text takes long', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const once = all.text(text);
      assert.equal(all.text(once), once);
      JSON.parse(once);
    }),
  );
  const hostile = ['eyJ', 'a@', '+1 ', '-----BEGIN PRIVATE KEY-----', '://a:', 'a.', 'Bearer ', '(555) '];
  hostile.push(
    'eyJaaaaaaaa-',
    'SG.aaaaaaaaaaaaaaaa-',
    '-----BEGIN PRIVATE KEY-----\n-',
    'x@y.',
    '@',
    '9',
    '%',
  );
  hostile.push(
    'token=',
    'token: aaaaaa',
    '"token":"',
    'token":',
    '://',
    'hooks.slack.com/services/',
    '12345678:AA',
  );
  const markers = ' eyJ @ + :// SG. PRIVATE KEY = ": : ';
  for (const piece of hostile) {
    const begun = performance.now();
    all.text(piece.repeat(200_000 / piece.length) + markers);
    const tookMs = performance.now() - begun;
    assert.ok(tookMs < 500, `${piece}: ${tookMs} ms`);
  }
});
