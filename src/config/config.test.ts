import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { laterVariables, readConfig, settings } from './config.ts';
import { postgresSettings, restateSettings } from './execution.ts';
import { s3Settings } from './storage.ts';

const refuses = (environment: Record<string, string>, message: RegExp) =>
  assert.throws(() => readConfig(environment), { code: 'config_invalid', message });

test('an empty environment gives the documented defaults, frozen', () => {
  const config = readConfig({});
  assert.equal(config.port, 8080);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.bodyLimitBytes, 1_048_576);
  assert.deepEqual(config.rateLimit, { count: 6_000, windowMs: 60_000 });
  assert.deepEqual(config.apiKeys, []);
  assert.equal(config.deliverySchedule.maxAttempts, 10);
  assert.throws(() => Object.assign(config, { port: 1 }), TypeError);
});

test('what cannot be used is one line with the variable, the value seen and what is expected', () => {
  refuses({ PORT: '80a' }, /^PORT is "80a"\. Expected a whole number from 0 to 65535\.$/);
  refuses({ PORT: '65536' }, /^PORT is/);
  refuses({ WEBHOOK_URL: 'ftp://x/' }, /^WEBHOOK_URL is "ftp:\/\/x\/"\. Expected an http or https URL\.$/);
  refuses({ WEBHOOK_URL: 'http://u:100%@x/' }, /^WEBHOOK_URL is .*Expected an http or https URL\.$/);
  refuses({ SIGNALBOX_TODAY: '2026-02-30' }, /^SIGNALBOX_TODAY/);
  refuses({ SIGNALBOX_DELIVERY_SCHEDULE: '2s,soon' }, /^SIGNALBOX_DELIVERY_SCHEDULE/);
  refuses({ SIGNALBOX_DELIVERY_SCHEDULE: '999999999d' }, /^SIGNALBOX_DELIVERY_SCHEDULE/);
  refuses({ SIGNALBOX_RATE_LIMIT: '0/1m' }, /^SIGNALBOX_RATE_LIMIT/);
  refuses({ SIGNALBOX_BODY_LIMIT: '1GB' }, /^SIGNALBOX_BODY_LIMIT/);
  refuses({ ENABLE_CONVERSATION_EXPORT: 'maybe' }, /^ENABLE_CONVERSATION_EXPORT/);
  refuses({ SIGNALBOX_DRAIN: '11m' }, /^SIGNALBOX_DRAIN is "11m"/);
  refuses({ SIGNALBOX_STOP_WITHIN: '0s' }, /^SIGNALBOX_STOP_WITHIN is "0s"/);
  refuses({ PORT: 'x', LOG_LEVEL: 'loud' }, /^PORT.*\nLOG_LEVEL.*$/);
});

test('a secret is never shown: not in an error, not in the configuration', () => {
  const secret = 'whsec_tooshort';
  assert.throws(
    () => readConfig({ SIGNALBOX_WEBHOOK_SECRETS: secret }),
    (error: Error) =>
      error.message.startsWith('SIGNALBOX_WEBHOOK_SECRETS') && !error.message.includes(secret),
  );
  assert.throws(
    () => readConfig({ WEBHOOK_URL: 'http://user:pass word@ho st/' }),
    (error: Error) => error.message.startsWith('WEBHOOK_URL') && !error.message.includes('word'),
  );
  const base64 = Buffer.alloc(32, 7).toString('base64');
  const config = readConfig({
    SIGNALBOX_WEBHOOK_SECRETS: `whsec_${base64}`,
    SIGNALBOX_API_KEY: 'open-sesame-1234',
  });
  assert.equal(config.webhookSecrets[0]?.reveal(), `whsec_${base64}`);
  const shown = inspect(config, { depth: 9 }) + JSON.stringify(config);
  assert.ok(!shown.includes(base64) && !shown.includes('sesame'));
});

test('an unknown name of ours is an error that suggests the nearest', () => {
  refuses({ SIGNALBOX_DATADIR: 'x' }, /^SIGNALBOX_DATADIR is not .* Did you mean SIGNALBOX_DATA_DIR\?$/);
  refuses({ SIGNALBOX_PORT: '1' }, /Did you mean PORT\?$/);
  refuses({ SIGNALBOX_FOO: '1' }, /docs\/reference\/configuration\.md lists them/);
  refuses({ SIGNALBOX_QWERTYUIOPASDF: 'x' }, /docs\/reference\/configuration\.md lists them/);
  readConfig({ SOMETHING_ELSE: 'x', BEDROCK_AGENT_ID: 'x' });
});

test('schedules: named ones and lists', () => {
  const of = (text: string) => readConfig({ SIGNALBOX_DELIVERY_SCHEDULE: text }).deliverySchedule;
  assert.deepEqual(of('original'), { maxAttempts: 4, delaysMs: [2_000, 4_000, 8_000] });
  assert.deepEqual(of('1s, 90s'), { maxAttempts: 3, delaysMs: [1_000, 90_000] });
});

test('docs/reference/configuration.md lists each variable with what is here', () => {
  const page = readFileSync(new URL('../../docs/reference/configuration.md', import.meta.url), 'utf8');
  const rows = Object.values(settings).map(row);
  const listed = page.split('\n').filter((line) => /^\| `[A-Z]/.test(line));
  assert.deepEqual(listed, rows);
  const later = laterVariables.map((name) => `\`${name}\``).join(', ');
  assert.ok(page.endsWith(`does nothing with them:\n${later}.\n`), 'those that do nothing, and no others');
});

function row({
  variable,
  about,
  expects,
  default: value,
}: {
  variable: string;
  about: string;
  expects: string;
  default?: string;
}): string {
  const shown = value === undefined || value === '' ? '–' : `\`${value}\``;
  return `| \`${variable}\` | ${about} | ${expects} | ${shown} |`;
}

test('Restate needs its addresses, and a key where others can reach the worker', () => {
  const restate = (more: Record<string, string>) =>
    restateSettings(
      readConfig({ SIGNALBOX_ENGINE: 'restate', RESTATE_ADMIN_URL: 'http://127.0.0.1:9070', ...more }),
    );
  const RESTATE_INGRESS_URLS = 'http://127.0.0.1:1, http://127.0.0.1:2/';
  assert.deepEqual(restate({ RESTATE_INGRESS_URLS }).ingressUrls, [
    'http://127.0.0.1:1/',
    'http://127.0.0.1:2/',
  ]);
  assert.throws(() => restate({}), { message: /RESTATE_INGRESS_URLS is not set/ });
  const open = { RESTATE_INGRESS_URLS, SIGNALBOX_WORKER_HOST: '0.0.0.0' };
  assert.throws(() => restate(open), { message: /0\.0\.0\.0.*RESTATE_IDENTITY_KEYS/ });
  const RESTATE_IDENTITY_KEYS = 'publickeyv1_2G8dCQhArfvGpzPw5Vx2ALciR4xCLHfS5YaT93XjNxX9';
  assert.equal(restate({ ...open, RESTATE_IDENTITY_KEYS }).identityKeys.length, 1);
  refuses({ RESTATE_INGRESS_URLS: 'http://a,b' }, /^RESTATE_INGRESS_URLS/);
  refuses({ RESTATE_IDENTITY_KEYS: 'secret' }, /^RESTATE_IDENTITY_KEYS/);
  refuses(
    { SIGNALBOX_ENGINE: 'temporal' },
    /^SIGNALBOX_ENGINE is "temporal"\. Expected one of embedded, restate, lambda\./,
  );
});

test('PostgreSQL: one URL by either name, never shown, and only with an engine for several processes', () => {
  const url = 'postgresql+asyncpg://user:pass-word@db.example:5432/signalbox';
  const of = (environment: Record<string, string>) =>
    postgresSettings(readConfig({ SIGNALBOX_ENGINE: 'restate', ...environment }));
  assert.equal(of({}), undefined);
  assert.equal(of({ DATABASE_URL: url })?.url.reveal(), url);
  assert.equal(of({ UAEF_DB_URL: url })?.variable, 'UAEF_DB_URL');
  assert.equal(of({ UAEF_DB_URL: url, DATABASE_URL: url })?.variable, 'DATABASE_URL');
  assert.throws(() => of({ UAEF_DB_URL: `${url}2`, DATABASE_URL: url }), /both set/);
  assert.throws(() => of({ DATABASE_URL: url, SIGNALBOX_ENGINE: 'embedded' }), {
    code: 'config_invalid',
    message: /^DATABASE_URL is set, and SIGNALBOX_ENGINE is embedded.*Set SIGNALBOX_ENGINE=restate.*or unset/,
  });
  refuses(
    { DATABASE_URL: 'mysql://user:pass-word@x/y' },
    /^DATABASE_URL is set to something else\. Expected a URL such as/,
  );
  refuses({ SIGNALBOX_DATABASE_STATEMENT_TIMEOUT: '1ms' }, /^SIGNALBOX_DATABASE_STATEMENT_TIMEOUT/);
  assert.ok(!inspect(readConfig({ DATABASE_URL: url }), { depth: 9 }).includes('pass-word'));
});

test('S3: one bucket, with a prefix, whole credentials, and nothing that leads nowhere', () => {
  const bucketsOf = (environment: Record<string, string>) => s3Settings(readConfig(environment));
  const of = (environment: Record<string, string>) => bucketsOf(environment).objects;
  const url = { SIGNALBOX_OBJECTS_URL: 's3://my-bucket/signalbox/eu/' };
  assert.equal(of({ AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'AK' }), undefined);
  assert.deepEqual(of(url), { bucket: 'my-bucket', prefix: 'signalbox/eu' });
  assert.deepEqual(of({ SIGNALBOX_OBJECTS_URL: 's3://my-bucket' }), { bucket: 'my-bucket', prefix: '' });
  const exportBucket = { CONVERSATION_EXPORT_S3_BUCKET: 'history' };
  assert.deepEqual(bucketsOf(exportBucket), { exports: { bucket: 'history', prefix: '' } });
  assert.deepEqual(
    bucketsOf({ CONVERSATION_EXPORT_S3_BUCKET: 's3://history/of/us' }).exports?.prefix,
    'of/us',
  );
  refuses({ CONVERSATION_EXPORT_S3_BUCKET: 'Not a bucket' }, /^CONVERSATION_EXPORT_S3_BUCKET/);
  const both = bucketsOf({ ...url, ...exportBucket, SIGNALBOX_S3_ENCRYPTION: 'AES256' });
  assert.deepEqual(
    [both.objects?.encryption, both.exports?.encryption],
    Array(2).fill({ algorithm: 'AES256' }),
  );
  const encryption = (text: string) => of({ ...url, SIGNALBOX_S3_ENCRYPTION: text })?.encryption;
  assert.deepEqual(encryption('AES256'), { algorithm: 'AES256' });
  assert.deepEqual(encryption('aws:kms'), { algorithm: 'aws:kms' });
  const keyId = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab';
  assert.deepEqual(encryption(`aws:kms=${keyId}`), { algorithm: 'aws:kms', keyId });
  for (const wrong of [
    's3://',
    's3://a/b',
    's3://My/x',
    's3://buck/a//b',
    's3://buck/../x',
    'https://buck/x',
  ]) {
    refuses({ SIGNALBOX_OBJECTS_URL: wrong }, /^SIGNALBOX_OBJECTS_URL/);
  }
  refuses({ SIGNALBOX_S3_ENCRYPTION: 'aes' }, /^SIGNALBOX_S3_ENCRYPTION/);
  const message = (pattern: RegExp) => ({ code: 'config_invalid', message: pattern });
  assert.throws(() => of({ ...url, SIGNALBOX_OBJECTS_DIR: '/x' }), message(/both set/));
  assert.throws(() => of({ SIGNALBOX_S3_ENDPOINT: 'http://x' }), message(/^SIGNALBOX_S3_ENDPOINT is set/));
  assert.throws(() => of({ ...url, AWS_ACCESS_KEY_ID: 'AK' }), message(/AWS_SECRET_ACCESS_KEY is not/));
  const secret = {
    AWS_ACCESS_KEY_ID: 'AK',
    AWS_SECRET_ACCESS_KEY: 'pass-word',
    AWS_SESSION_TOKEN: 'pass-word',
  };
  assert.equal(of({ ...url, ...secret })?.credentials?.sessionToken?.reveal(), 'pass-word');
  assert.ok(!inspect(readConfig({ ...url, ...secret }), { depth: 9 }).includes('pass-word'));
});

test('issuers are taken as they are written, and need an audience', () => {
  const issuer = 'https://idp.example/pool/';
  const both = { SIGNALBOX_OIDC_ISSUERS: `${issuer},https://b.example`, SIGNALBOX_OIDC_AUDIENCES: 'a' };
  assert.deepEqual(readConfig(both).oidcIssuers, [issuer, 'https://b.example']);
  refuses({ SIGNALBOX_OIDC_ISSUERS: issuer }, /SIGNALBOX_OIDC_AUDIENCES is not/);
  refuses({ SIGNALBOX_OIDC_AUDIENCES: 'a' }, /SIGNALBOX_OIDC_ISSUERS is not/);
  refuses({ ...both, SIGNALBOX_OIDC_ISSUERS: 'http://idp.example' }, /^SIGNALBOX_OIDC_ISSUERS is/);
  refuses({ ...both, SIGNALBOX_OIDC_SCOPES: 'root=a=b' }, /^SIGNALBOX_OIDC_SCOPES is/);
});

test('agents of other processes need keys, and an address', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const asking = {
    SIGNALBOX_AGENT_URL: 'https://b.example/agents/analyst',
    SIGNALBOX_AGENT_PRIVATE_KEY: pem,
  };
  assert.equal(readConfig(asking).agentUrl, 'https://b.example/agents/analyst');
  assert.ok(readConfig({ ...asking, SIGNALBOX_AGENT_PRIVATE_KEY: pem.trim().replaceAll('\n', '\\n') }));
  refuses({ SIGNALBOX_AGENT_URL: asking.SIGNALBOX_AGENT_URL }, /SIGNALBOX_AGENT_PRIVATE_KEY is not/);
  refuses({ ...asking, SIGNALBOX_AGENT_URL: 'https://b.example/' }, /^SIGNALBOX_AGENT_URL is/);
  refuses(
    { SIGNALBOX_AGENT_PRIVATE_KEY: '/no/such/file' },
    /^SIGNALBOX_AGENT_PRIVATE_KEY is set to something/,
  );
  const answering = {
    SIGNALBOX_AGENT_CALLERS: `a=${key},a=${key}`,
    SIGNALBOX_PUBLIC_URL: 'https://b.example',
  };
  const config = readConfig(answering);
  assert.deepEqual([config.publicUrl, config.agentCallers.length], ['https://b.example', 2]);
  refuses({ SIGNALBOX_AGENT_CALLERS: `a=${key}` }, /SIGNALBOX_PUBLIC_URL is not/);
  refuses({ ...answering, SIGNALBOX_AGENT_CALLERS: 'a=x' }, /^SIGNALBOX_AGENT_CALLERS is/);
  refuses({ SIGNALBOX_PUBLIC_URL: 'https://b.example/x' }, /^SIGNALBOX_PUBLIC_URL is/);
});

test('the record is kept for a time, by type if need be', () => {
  const of = (text: string) => readConfig({ SIGNALBOX_RECORD_RETENTION_DAYS: text }).recordRetention;
  const day = 86_400_000;
  assert.deepEqual(of('off'), { all: null, byType: {} });
  assert.deepEqual(of('365, general=30,lead_analysis = off'), {
    ...{ all: 365 * day, byType: { general: 30 * day, lead_analysis: null } },
  });
  for (const text of ['3', 'general=30', '365,general=3', '365,other=30', '365,general=30,general=40']) {
    refuses({ SIGNALBOX_RECORD_RETENTION_DAYS: text }, /^SIGNALBOX_RECORD_RETENTION_DAYS is/);
  }
});

test('a rule of an alarm that cannot be read stops the start with its variable', () => {
  assert.throws(
    () => readConfig({ SIGNALBOX_ALARMS: 'default,error_rate>5%' }),
    /^SignalboxError: SIGNALBOX_ALARMS: "error_rate>5%" can't be read\. Expected one such as error_rate>5%\/5m/,
  );
});
