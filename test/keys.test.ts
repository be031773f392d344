import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, startServer } from './fixtures/server-process.ts';

const program = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

function signalbox(args: readonly string[], variables: Record<string, string>): Promise<Outcome> {
  const { PATH = '', HOME = '' } = process.env;
  const options = { env: { PATH, HOME, ...variables } };
  const all = ['--disable-warning=ExperimentalWarning', program, ...args];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, all, options, (_, output, error) =>
      resolve({ code: child.exitCode ?? -1, output: output.trim(), error: error.trim() }),
    );
  });
}

test('the command line makes the first key, while no server runs and while one does', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-first-key-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const variables = { SIGNALBOX_DATA_DIR: folder, PORT: String(port), HOST: '0.0.0.0' };

  await assert.rejects(startServer(variables), /HOST is 0\.0\.0\.0.*there is no key/);

  const made = await signalbox(
    ['keys', 'create', '--name', 'root', '--scope', 'admin', '--expires', '1d', '--json'],
    variables,
  );
  assert.equal(made.code, 0, made.error);
  const { key: root } = JSON.parse(made.output) as { key: string };

  const server = await startServer(variables);
  context.after(() => server.kill());
  const statusOf = async (key: string) =>
    (await fetch(`${server.url}/conversations`, { headers: { authorization: `Bearer ${key}` } })).status;
  assert.equal(await statusOf(root), 200, 'a key of the store alone lets the server be elsewhere');
  assert.equal(await statusOf('wrong'), 401);

  const refused = await signalbox(['keys', 'create', '--name', 'crm', '--scope', 'ingest'], variables);
  assert.match(refused.error, /SIGNALBOX_API_KEY/);
  const withKey = { ...variables, SIGNALBOX_API_KEY: root };
  const crm = await signalbox(['keys', 'create', '--name', 'crm', '--scope', 'ingest+read'], withKey);
  assert.equal(crm.code, 0, crm.error);
  assert.equal(await statusOf(crm.output), 200);
  const listed = await signalbox(['keys', 'list'], withKey);
  assert.match(listed.output, /crm +ingest read +active/);
  assert.equal((await signalbox(['keys', 'revoke', crm.output.slice(0, 11)], withKey)).code, 0);
  assert.equal(await statusOf(crm.output), 401);

  assert.equal(await server.stop(), 0);
  const after = await signalbox(['keys', 'list', '--json'], variables);
  const keys = (JSON.parse(after.output) as { keys: { name: string; last_used_at: string | null }[] }).keys;
  assert.ok(keys.find((key) => key.name === 'root')?.last_used_at, 'that it was used is kept');
  for (const file of readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile())) {
    assert.ok(!readFileSync(join(folder, file)).includes(root.slice(12)), `${file} has the key`);
  }
});

test('a server without keys is open to this machine until the first one is made', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-first-key-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServer({ SIGNALBOX_DATA_DIR: folder });
  context.after(() => server.kill());
  const variables = { SIGNALBOX_DATA_DIR: folder, PORT: new URL(server.url).port };
  assert.equal((await fetch(`${server.url}/conversations`)).status, 200);
  const made = await signalbox(['keys', 'create', '--name', 'root', '--scope', 'admin'], variables);
  assert.equal(made.code, 0, made.error);
  const closed = async () => (await fetch(`${server.url}/conversations`)).status === 401;
  for (const end = Date.now() + 10_000; !(await closed()); await pause(20)) assert.ok(Date.now() < end);
});
