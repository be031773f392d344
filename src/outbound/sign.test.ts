import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { Secret } from '../core/secret.ts';
import { keptWebhookSecret, signingKey, webhookSecrets } from './secrets.ts';
import { createSigner } from './sign.ts';

const secretOf = (fill: string, length = 32) => `whsec_${Buffer.alloc(length, fill).toString('base64')}`;

test('the standardwebhooks package verifies each signature during a rotation, and no other', () => {
  const [newest, oldest, other] = [secretOf('a'), secretOf('b'), secretOf('c')];
  const sign = createSigner([new Secret(newest), new Secret(oldest)]);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uuid(), (text, id) => {
      const body = JSON.stringify({ text });
      const headers = { ...sign({ id, atMs: Date.now(), body }) };
      for (const secret of [newest, oldest]) {
        assert.deepEqual(new Webhook(secret).verify(body, headers), { text });
      }
      assert.throws(() => new Webhook(other).verify(body, headers));
      assert.throws(() => new Webhook(newest).verify(`${body} `, headers));
    }),
  );
});

test('signatures come newest first, in the form of the standard', () => {
  const sign = createSigner([new Secret(secretOf('a')), new Secret(secretOf('b'))]);
  const headers = sign({ id: 'id', atMs: 1_786_699_113_999, body: '{}' });
  const first = new Webhook(secretOf('a')).sign('id', new Date(1_786_699_113_000), '{}');
  const second = new Webhook(secretOf('b')).sign('id', new Date(1_786_699_113_000), '{}');
  assert.deepEqual(headers, {
    'webhook-id': 'id',
    'webhook-timestamp': '1786699113',
    'webhook-signature': `${first} ${second}`,
  });
});

test('secrets that cannot be used are refused without showing them', () => {
  const texts = [
    '',
    'abc',
    'whsec_',
    'whsec_####',
    secretOf('a', 10),
    secretOf('a', 65),
    secretOf('a').slice(0, -2),
  ];
  for (const text of texts) {
    assert.throws(
      () => signingKey(new Secret(text)),
      (error: Error & { code: string }) =>
        error.code === 'config_invalid' && (text.length < 10 || !error.message.includes(text.slice(6))),
      text,
    );
  }
});

test('a folder without a secret gets one, for its owner alone, and keeps it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-'));
  try {
    const configured = [new Secret(secretOf('a'))];
    assert.equal(webhookSecrets(configured, folder), configured);
    const first = keptWebhookSecret(folder).reveal();
    assert.deepEqual(
      webhookSecrets([], folder).map((secret) => secret.reveal()),
      [first],
    );
    assert.equal(statSync(join(folder, 'webhook-secret')).mode & 0o777, 0o600);
    writeFileSync(join(folder, 'webhook-secret'), 'rubbish');
    assert.throws(() => keptWebhookSecret(folder), { code: 'config_invalid', message: /webhook-secret/ });
    assert.throws(() => keptWebhookSecret(join(folder, 'none')), { code: 'storage_failed' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
