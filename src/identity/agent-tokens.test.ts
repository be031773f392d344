import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { type JWTPayload, SignJWT } from 'jose';
import { Secret } from '../core/secret.ts';
import { createAgentSigner, createAgentVerifier, isPrivateKey, parsePublicKey } from './agent-tokens.ts';

const audience = 'https://b.example/agents/analyst';
const start = 1_786_699_000_000;
const body = Buffer.from('{"a":1}');
const bodyHash = createHash('sha256').update(body).digest('base64url');

const pemOf = (key: KeyObject) => new Secret(key.export({ format: 'pem', type: 'pkcs8' }) as string);

function open() {
  const clock = { now: start };
  const pair = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const used = new Set<string>();
  const store = {
    async useToken(id: string) {
      const isNew = !used.has(id);
      used.add(id);
      return isNew;
    },
  };
  const callers = [{ name: 'a', key: pair.publicKey }];
  const verifierOf = (trusted = callers) => createAgentVerifier(trusted, store, () => clock.now);
  const signer = createAgentSigner('a', pemOf(pair.privateKey), () => clock.now);
  const sign = (of: { audience?: string; body?: string } = {}) =>
    signer.sign({ agent: 'manager', audience, body: body.toString(), ...of });
  const raw = (claims: JWTPayload = {}, header: object = {}, key: KeyObject = pair.privateKey) => {
    const now = start / 1_000;
    const all = { iss: 'a', sub: 'manager', aud: audience, iat: now, exp: now + 60, body_sha256: bodyHash };
    const payload = { ...all, jti: `${Math.random()}`, ...claims };
    return new SignJWT(Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: 'EdDSA', typ: 'agent+jwt', ...header })
      .sign(key);
  };
  return { clock, pair, other, sign, raw, verifierOf, verifier: verifierOf() };
}

test('a token lets one request in, with that body, to that agent, within a minute', async () => {
  const { verifier, sign, clock } = open();
  const token = await sign();
  assert.deepEqual(await verifier.verify(token, audience, body), { issuer: 'a', agent: 'manager' });
  await assert.rejects(verifier.verify(token, audience, body), /used before/);
  await assert.rejects(verifier.verify(await sign(), audience, Buffer.from('{"a":2}')), /another body/);
  await assert.rejects(verifier.verify(await sign(), `${audience}2`, body), /"aud" does not hold/);
  const late = await sign();
  clock.now += 95_000;
  await assert.rejects(verifier.verify(late, audience, body), /expired/);
});

test('a token of another body is not used up by it', async () => {
  const { verifier, sign } = open();
  const token = await sign();
  await assert.rejects(verifier.verify(token, audience, Buffer.from('x')), /another body/);
  assert.equal((await verifier.verify(token, audience, body)).issuer, 'a');
});

test('a token that promises too much, or too little, is refused', async () => {
  const { verifier, raw, other, pair } = open();
  const now = start / 1_000;
  const cases: [Promise<string>, RegExp][] = [
    [raw({ exp: now + 301 }), /longer than five minutes/],
    [raw({ iat: now + 40, exp: now + 60 }), /"iat" does not hold|from the future/],
    [raw({ exp: undefined as never }), /"exp"/],
    [raw({ iat: undefined as never }), /"iat"/],
    [raw({ jti: undefined as never }), /"jti"/],
    [raw({ body_sha256: undefined }), /"body_sha256"/],
    [raw({ sub: undefined as never }), /"sub"/],
    [raw({ iss: 'b' }), /nobody in SIGNALBOX_AGENT_CALLERS/],
    [raw({ jti: 'x'.repeat(129) }), /cannot be read/],
    [raw({}, { typ: 'JWT' }), /"typ" does not hold/],
    [raw({}, {}, other.privateKey), /signature does not hold/],
    [Promise.resolve('nothing'), /cannot be read/],
  ];
  for (const [token, reason] of cases) {
    await assert.rejects(verifier.verify(await token, audience, body), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'unauthenticated');
      assert.match(error.message, reason);
      return true;
    });
  }
  const [, payload] = (await raw()).split('.');
  const header = Buffer.from('{"alg":"HS256","typ":"agent+jwt"}').toString('base64url');
  const secret = pair.publicKey.export({ format: 'pem', type: 'spki' });
  const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  await assert.rejects(verifier.verify(`${header}.${payload}.${mac}`, audience, body), /not EdDSA/);
});

test('while a caller changes its key, both are taken', async () => {
  const { verifierOf, pair, other, sign, raw } = open();
  const both = verifierOf([
    { name: 'a', key: other.publicKey },
    { name: 'a', key: pair.publicKey },
  ]);
  assert.equal((await both.verify(await sign(), audience, body)).issuer, 'a');
  assert.equal((await both.verify(await raw({}, {}, other.privateKey), audience, body)).issuer, 'a');
});

test('keys are Ed25519, as openssl writes them', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const text = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  assert.ok(parsePublicKey(text)?.equals(publicKey));
  assert.ok(isPrivateKey(pemOf(privateKey).reveal()));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  assert.equal(
    parsePublicKey(rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')),
    undefined,
  );
  assert.equal(isPrivateKey(pemOf(rsa.privateKey).reveal()), false);
  for (const wrong of ['', 'x', text.slice(4)]) assert.equal(parsePublicKey(wrong), undefined);
});
