import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { checkAnswered, postQuestion } from './chaos/asked.ts';
import { noPostgres, postgresPrograms, startTestPostgres } from './fixtures/postgres-server.ts';
import { answer, startReceiver } from './fixtures/receiver.ts';
import { noServer, restateBinary, startRestateServer } from './fixtures/restate-server.ts';
import { freePort, type ServerProcess, startServer } from './fixtures/server-process.ts';

const skip = (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

test('moving over: what is in flight ends on the old engine, what is new begins on the new one, and the record comes along', {
  timeout: 120_000,
  skip,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-move-'));
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const [receiver, restate, postgres] = await Promise.all([
    startReceiver({ secret }),
    startRestateServer(),
    startTestPostgres(),
  ]);
  for (const server of [receiver, restate, postgres]) context.after(() => server.close());
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const databaseUrl = await postgres.createDatabase();
  const both = {
    SIGNALBOX_WEBHOOK_SECRETS: secret,
    SIGNALBOX_DELIVERY_SCHEDULE: Array(20).fill('1s').join(','),
    LOG_LEVEL: 'silent',
    WEBHOOK_URL: receiver.url,
  };
  const oldFolder = { SIGNALBOX_DATA_DIR: join(folder, 'old') };
  const start = async (variables: Record<string, string>) => {
    const server = await startServer({ ...both, ...variables });
    context.after(() => server.kill());
    return server;
  };
  const migrate = async () => {
    const program = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
    const args = ['--disable-warning=ExperimentalWarning', program, 'migrate-store', '--json'];
    const { PATH = '' } = process.env;
    const environment = { PATH, DATABASE_URL: databaseUrl, ...oldFolder };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment });
    return JSON.parse(stdout) as { conversations: number; unfinished_runs: number };
  };

  // The receiver is away, so that a delivery is in flight on the old engine.
  receiver.otherwise(answer(503));
  let old = await start(oldFolder);
  const first = await accepted(old);
  await receiver.waitFor(1);
  await assert.rejects(migrate(), { stdout: /data_dir_in_use/ });
  await old.stop();
  const early = await migrate();
  assert.equal(early.conversations, 1);
  assert.ok(early.unfinished_runs > 0);

  const settings = {
    SIGNALBOX_ENGINE: 'restate',
    RESTATE_INGRESS_URLS: restate.ingressUrl,
    RESTATE_ADMIN_URL: restate.adminUrl,
    SIGNALBOX_WORKER_PORT: String(await freePort()),
    DATABASE_URL: databaseUrl,
    SIGNALBOX_DATA_DIR: join(folder, 'new'),
  };
  const [newer] = await Promise.all([
    start(settings),
    start(oldFolder).then((again) => {
      old = again;
    }),
  ]);
  const second = await accepted(newer);
  receiver.otherwise(answer(200));
  await checkAnswered(newer, receiver, [second]);
  await checkAnswered(old, receiver, [first]);
  await old.stop();

  const late = await migrate();
  assert.deepEqual([late.conversations, late.unfinished_runs], [1, 0]);
  await checkAnswered(newer, receiver, [second, first]);
  const list = (await (await fetch(`${newer.url}/conversations`)).json()) as {
    conversations: { tracking_id: string }[];
  };
  assert.deepEqual(
    list.conversations.map((each) => each.tracking_id),
    [second, first],
  );
  assert.equal(await newer.stop(), 0, newer.output());
});

async function accepted(server: ServerProcess): Promise<string> {
  const response = await postQuestion(server, 0);
  assert.equal(response.status, 202, await response.clone().text());
  return ((await response.json()) as { tracking_id: string }).tracking_id;
}
