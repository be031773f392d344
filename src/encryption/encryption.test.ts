import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Secret } from '../core/secret.ts';
import { Cipher, sealWithNonce } from './cipher.ts';
import { type Content, createContent, keyIdOf, keyIdOfBytes, plainContent } from './content.ts';
import { parseKeys } from './keys.ts';

const keyText = () => randomBytes(32).toString('base64');
const contentOf = (...keys: string[]): Content =>
  createContent(parseKeys(new Secret(keys.join(',')), 'KEYS'));
const place = ['runs.input', 1] as const;

describe('XAES-256-GCM', () => {
  // The vectors of https://c2sp.org/XAES-256-GCM: the derivation with and without a carry.
  const vectors = [
    { key: 1, about: '', sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271' },
    {
      key: 3,
      about: 'c2sp.org/XAES-256-GCM',
      sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    },
  ];
  for (const { key, about, sealed } of vectors) {
    test(`gives what its specification says, for the key ${key}`, () => {
      const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX');
      const plain = Buffer.from('XAES-256-GCM');
      const found = sealWithNonce(Buffer.alloc(32, key), nonce, plain, Buffer.from(about));
      assert.equal(found.toString('hex'), sealed);
      const whole = Buffer.concat([nonce, found]);
      const cipher = new Cipher(Buffer.alloc(32, key));
      assert.deepEqual(cipher.open(whole, Buffer.from(about)), plain);
      assert.equal(cipher.open(whole, Buffer.from('else')), undefined);
    });
  }

  test('has another nonce for each value, also for the same one', () => {
    const cipher = new Cipher(randomBytes(32));
    const nonces = Array.from({ length: 1_000 }, () =>
      cipher.seal(Buffer.from('x'), Buffer.alloc(0)).subarray(0, 24).toString('hex'),
    );
    assert.equal(new Set(nonces).size, nonces.length);
    assert.notEqual(
      nonces[0]!.slice(0, 24),
      new Cipher(randomBytes(32)).seal(Buffer.alloc(0), Buffer.alloc(0)).toString('hex').slice(0, 24),
    );
  });
});

describe('content', () => {
  test('comes back as it was, whatever it is, and is not there meanwhile', () => {
    const content = contentOf(keyText());
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme' }), fc.uint8Array(), (value, text, bytes) => {
        const json = JSON.stringify(value);
        const sealed = content.sealJson(json, place);
        assert.equal(keyIdOf(sealed), content.keyId);
        assert.equal(typeof JSON.parse(sealed), 'string');
        assert.equal(content.openJson(sealed, place), json);
        assert.equal(content.openText(content.sealText(text, place), place), text);
        assert.deepEqual(
          content.openBytes(content.sealBytes(Buffer.from(bytes), place), place),
          Buffer.from(bytes),
        );
      }),
    );
    assert.ok(!content.sealText('a marker word', place).includes('marker'));
  });

  test('is the same text without a key, except for one that looks as if it were sealed', () => {
    const content = contentOf(keyText());
    assert.equal(plainContent.sealJson('{"a":1}', place), '{"a":1}');
    assert.equal(plainContent.sealText('What is up?', place), 'What is up?');
    for (const text of [
      content.sealText('x', place),
      '$sb0$',
      '$sb0$x',
      '$sb1$',
      '$sb',
      '$sb9$z',
      '"$sb1$',
    ]) {
      for (const reader of [plainContent, content]) {
        assert.equal(reader.openText(plainContent.sealText(text, place), place), text);
        const json = plainContent.sealJson(JSON.stringify(text), place);
        assert.equal(JSON.parse(reader.openJson(json, place)), text);
      }
    }
  });

  test('is read under the key that it is under, of several', () => {
    const [first, second] = [keyText(), keyText()];
    const old = contentOf(first).sealJson('1', place);
    const rotated = contentOf(second, first);
    assert.equal(rotated.openJson(old, place), '1');
    assert.equal(keyIdOf(rotated.sealJson('1', place)), contentOf(second).keyId);
    assert.throws(() => contentOf(second).openJson(old, place), {
      code: 'encryption_key_missing',
      message: new RegExp(`runs.input of 1 is under the encryption key ${contentOf(first).keyId}`),
    });
    assert.equal(contentOf('plain', first).openJson(old, place), '1');
    assert.equal(contentOf('plain', first).sealJson('1', place), '1');
  });

  test('cannot be moved, changed, cut off or be put together', () => {
    const content = contentOf(keyText());
    const sealed = content.sealText('text', place);
    const refused = (text: string, where: readonly [string, ...number[]] = place) =>
      assert.throws(() => content.openText(text, where), {
        code: 'value_unreadable',
        message: /runs\.\w+ of \d/,
      });
    refused(sealed, ['runs.input', 2]);
    refused(sealed, ['runs.output', 1]);
    for (let at = 14; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'Q' : 'A';
      refused(`${sealed.slice(0, at)}${other}${sealed.slice(at + 1)}`);
    }
    for (let length = 14; length < sealed.length; length += 7) refused(sealed.slice(0, length));
    const bytes = content.sealBytes(Buffer.from('text'), place);
    bytes[bytes.length - 1]! ^= 1;
    assert.equal(keyIdOfBytes(bytes), content.keyId);
    assert.throws(() => content.openBytes(bytes, place), { code: 'value_unreadable' });
  });

  test('has hashes that only the key gives', () => {
    const content = contentOf(keyText(), keyText());
    const [one, other] = content.keyIds as [string, string];
    assert.match(content.hash('word', one), /^[0-9a-f]{16}$/);
    assert.equal(content.hash('word', one), content.hash('word', one));
    assert.notEqual(content.hash('word', one), content.hash('word', other));
    assert.notEqual(content.hash('word', one), content.hash('words', one));
    assert.throws(() => content.hash('word', 'ffffffff'), { code: 'encryption_key_missing' });
  });
});

describe('keys', () => {
  test('are the base64 of 32 random bytes, with commas or lines between', () => {
    const [first, second] = [keyText(), keyText()];
    const ring = parseKeys(new Secret(`${first},\n${second}\n`), 'KEYS');
    assert.equal(ring.keys.size, 2);
    assert.equal(ring.newest, [...ring.keys.values()][0]);
    const wrong = [
      'short',
      first.slice(0, -4),
      `${first.slice(0, -2)}!=`,
      Buffer.alloc(32).toString('base64'),
      `${first},plain`,
      randomBytes(33).toString('base64'),
    ];
    for (const text of wrong) {
      assert.throws(
        () => parseKeys(new Secret(text), 'KEYS'),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'config_invalid');
          assert.match(error.message, /^KEYS: key \d cannot be used/);
          assert.ok(!error.message.includes(text.slice(0, 12)) || text === 'short', error.message);
          return true;
        },
      );
    }
  });
});
