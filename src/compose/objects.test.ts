import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startReceiver } from '../../test/fixtures/receiver.ts';
import { startS3Server } from '../../test/fixtures/s3-server.ts';
import type { Agent } from '../agents/agent.ts';
import { readConfig } from '../config/config.ts';
import type { App } from '../http/app.ts';
import { createLog } from '../observe/log.ts';
import { compose } from './compose.ts';

const log = createLog({ level: 'silent', format: 'json', write: () => {} });

const brief: Agent = {
  name: 'brief',
  answer: async () => ({
    markdown: 'short',
    plain: 'short',
    toolCalls: [],
    understood: true,
  }),
};

/** The variables of a server with its objects in a bucket of its own. */
async function settle(context: TestContext) {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-objects-'));
  const store = await startS3Server();
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  const variables = {
    SIGNALBOX_DATA_DIR: dataDir,
    SIGNALBOX_OBJECTS_URL: 's3://bucket/signalbox/',
    SIGNALBOX_S3_ENDPOINT: store.endpoint,
    SIGNALBOX_S3_ENCRYPTION: 'AES256',
    AWS_ACCESS_KEY_ID: store.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.credentials.secretAccessKey,
  };
  return { dataDir, store, variables };
}

/** What `/health` says of the bucket; requests are taken in any case. */
async function objectsHealth(app: App): Promise<{ status: string; detail: string }> {
  const answer = await app.server.inject({ url: '/health', headers: { host: 'localhost' } });
  assert.equal(answer.statusCode, 200);
  return (answer.json() as { parts: { objects: { status: string; detail: string } } }).parts.objects;
}

test('exports are in the bucket that is configured, and not in the folder', async (context) => {
  const { dataDir, store, variables } = await settle(context);
  const receiver = await startReceiver();
  context.after(() => receiver.close());
  const config = readConfig({ ...variables, WEBHOOK_URL: receiver.url, ENABLE_CONVERSATION_EXPORT: 'true' });
  const { app, stop } = await compose(config, log, brief);
  context.after(() => stop(1_000));
  const payload = {
    ...{ query: 'Hello?', source_system: 'test', source_process: 'objects' },
    timestamp: new Date().toISOString(),
  };
  const headers = { host: 'localhost' };
  const accepted = await app.server.inject({ method: 'POST', url: '/webhook', headers, payload });
  assert.equal(accepted.statusCode, 202);
  await receiver.waitFor(1);
  const keys = () => [...store.objects.keys()];
  const has = (folder: string) => keys().some((key) => key.startsWith(`signalbox/${folder}/`));
  const until = Date.now() + 20_000;
  while (!has('conversation-history') && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(has('conversation-history'), String(keys()));
  for (const { headers: kept } of store.objects.values()) {
    assert.equal(kept['x-amz-server-side-encryption'], 'AES256');
  }
  assert.ok(!existsSync(join(dataDir, 'objects')));
  assert.equal((await objectsHealth(app)).status, 'HEALTHY');
});

test('while a bucket hangs every question is accepted and answered, and health says why exports wait', async (context) => {
  const { store, variables } = await settle(context);
  const receiver = await startReceiver();
  context.after(() => receiver.close());
  const more = {
    WEBHOOK_URL: receiver.url,
    ENABLE_CONVERSATION_EXPORT: 'true',
    SIGNALBOX_QUEUE_LIMIT: '20',
  };
  const { app, stop } = await compose(readConfig({ ...variables, ...more }), log, brief);
  context.after(() => stop(0));
  store.break(/^PUT/, 'silence');
  const payload = {
    ...{ query: 'Hello?', source_system: 'test', source_process: 'objects' },
    timestamp: new Date().toISOString(),
  };
  const headers = { host: 'localhost' };
  const count = 60;
  for (let asked = 1; asked <= count; asked++) {
    const answer = await app.server.inject({ method: 'POST', url: '/webhook', headers, payload });
    assert.equal(answer.statusCode, 202, `${asked}: ${answer.body}`);
    await receiver.waitFor(asked);
  }
  const { parts } = (await app.server.inject({ url: '/health', headers })).json();
  assert.match(
    parts.engine.detail,
    /^\d+ of at most 20 runs wait for their turn, and \d+ in the background\.$/,
  );
  assert.equal(parts.engine.status, 'HEALTHY');
});

test('a bucket that is not there stops the start, and a store that is away does not', async (context) => {
  const { dataDir, store, variables } = await settle(context);
  const absent = readConfig({ ...variables, SIGNALBOX_OBJECTS_URL: 's3://absent' });
  await assert.rejects(compose(absent, log), { code: 'config_invalid', message: /NoSuchBucket/ });
  await store.close();
  const { app, stop } = await compose(readConfig(variables), log, brief);
  context.after(() => stop(1_000));
  const until = Date.now() + 20_000;
  let seen = await objectsHealth(app);
  for (; seen.status !== 'DOWN'; seen = await objectsHealth(app)) {
    assert.ok(Date.now() < until, seen.detail);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(seen.detail, /s3:\/\/bucket\/signalbox\//);
  assert.ok(existsSync(dataDir));
});
