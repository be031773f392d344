import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { keptWebhookSecret, parseWebhookSecrets } from './secrets.ts';
import { signMessage } from './sign.ts';

const secretOf = (fill: string, length = 32) => `whsec_${Buffer.alloc(length, fill).toString('base64')}`;

test('the standardwebhooks package verifies each signature during a rotation, and no other', () => {
  const [newest, oldest, other] = [secretOf('a'), secretOf('b'), secretOf('c')];
  const keys = parseWebhookSecrets(`${newest}, ${oldest}`).keys();
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uuid(), (text, id) => {
      const body = JSON.stringify({ text });
      const headers = { ...signMessage({ id, atMs: Date.now(), body }, keys) };
      for (const secret of [newest, oldest]) {
        assert.deepEqual(new Webhook(secret).verify(body, headers), { text });
      }
      assert.throws(() => new Webhook(other).verify(body, headers));
      assert.throws(() => new Webhook(newest).verify(`${body} `, headers));
    }),
  );
});

test('signatures come newest first, in the form of the standard', () => {
  const keys = parseWebhookSecrets(`${secretOf('a')},${secretOf('b')}`).keys();
  const headers = signMessage({ id: 'id', atMs: 1_786_699_113_999, body: '{}' }, keys);
  const first = new Webhook(secretOf('a')).sign('id', new Date(1_786_699_113_000), '{}');
  const second = new Webhook(secretOf('b')).sign('id', new Date(1_786_699_113_000), '{}');
  assert.deepEqual(headers, {
    'webhook-id': 'id',
    'webhook-timestamp': '1786699113',
    'webhook-signature': `${first} ${second}`,
  });
});

test('secrets that cannot be used are refused without showing them', () => {
  for (const text of [
    '',
    'abc',
    'whsec_',
    'whsec_####',
    secretOf('a', 10),
    secretOf('a', 65),
    `${secretOf('a')},`,
  ]) {
    assert.throws(
      () => parseWebhookSecrets(text),
      (error: Error & { code: string }) =>
        error.code === 'config_invalid' &&
        error.message.includes('SIGNALBOX_WEBHOOK_SECRETS') &&
        (text.length < 10 || !error.message.includes(text.slice(6))),
      text,
    );
  }
});

test('secrets do not print', () => {
  const secrets = parseWebhookSecrets(secretOf('a'));
  for (const text of [String(secrets), JSON.stringify({ secrets }), inspect({ secrets }), `${secrets}`]) {
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /whsec_|YWFh/);
  }
  assert.deepEqual(secrets.reveal(), [secretOf('a')]);
});

test('a folder without a secret gets one, for its owner alone, and keeps it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-'));
  try {
    const first = keptWebhookSecret(folder).reveal();
    assert.deepEqual(keptWebhookSecret(folder).reveal(), first);
    assert.equal(statSync(join(folder, 'webhook-secret')).mode & 0o777, 0o600);
    writeFileSync(join(folder, 'webhook-secret'), 'rubbish');
    assert.throws(() => keptWebhookSecret(folder), { code: 'config_invalid', message: /webhook-secret/ });
    assert.throws(() => keptWebhookSecret(join(folder, 'none')), { code: 'storage_failed' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
