import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

/** The real process, as `npm start` and `bin/signalbox` run it. */
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'signalbox-process-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const environment = (variables: Record<string, string>) => {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, PORT: '0', SIGNALBOX_DATA_DIR: join(folder, 'data'), ...variables };
};

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function tool(
  args: readonly string[],
  variables: Record<string, string> = {},
): ChildProcess & { ended: Promise<Ended> } {
  const child = spawn(join(root, 'bin/signalbox'), args, {
    env: environment(variables),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { output: '', errors: '' };
  child.stdout.on('data', (chunk) => {
    texts.output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    texts.errors += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...texts }));
  return Object.assign(child, { ended });
}

/** Starts a server and resolves with its URL once it says so. */
async function started(variables: Record<string, string> = {}) {
  const child = tool(['start'], variables);
  let text = '';
  for await (const chunk of child.stderr!) {
    text += chunk;
    const url = text.match(/ready at (\S+)/)?.[1];
    if (url !== undefined && text.includes('Open to')) {
      child.stderr!.resume();
      return { child, url, greeting: text };
    }
  }
  throw new Error(`It did not start: ${text}`);
}

describe('a server', () => {
  let server: Awaited<ReturnType<typeof started>>;
  let receiver: Server;
  const received: string[] = [];

  before(async () => {
    receiver = createServer((request, response) => {
      received.push(String(request.headers['webhook-id']));
      request.resume().on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    server = await started({
      WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/in?token=secret`,
    });
  });
  after(async () => {
    server.child.kill('SIGKILL');
    receiver.close();
  });

  test('says where it is, where answers go and where the data lie; never a secret of a URL', () => {
    assert.match(server.greeting, /Answers +http:\/\/127\.0\.0\.1:\d+\/in\n/);
    assert.ok(server.greeting.includes(join(folder, 'data')));
    assert.doesNotMatch(server.greeting, /token=secret/);
  });

  test('nobody else can look into the data folder', () => {
    const dataDir = join(folder, 'data');
    const names = ['', ...readdirSync(dataDir)];
    assert.ok(names.includes('signalbox.sqlite') && names.includes('webhook-secret'));
    for (const name of names) assert.equal(statSync(join(dataDir, name)).mode & 0o077, 0, name);
  });

  test('the printed curl works as it is', async () => {
    const command = server.greeting.match(/curl .*/)![0];
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    assert.equal(JSON.parse(output).success, true);
  });

  test('ask follows a question to its answer, which is delivered', async () => {
    const { code, output } = await tool([
      'ask',
      '--url',
      server.url,
      '--json',
      'How many accounts are there?',
    ]).ended;
    assert.equal(code, 0);
    const conversation = JSON.parse(output);
    assert.ok(conversation.ai_response.response_plain.length > 0);
    const events = await (await fetch(`${server.url}/webhook/${conversation.tracking_id}/events`)).text();
    assert.match(events, /WEBHOOK_DELIVERY_SUCCESS/);
    assert.ok(received.includes(conversation.delivery_id));
    const listed = await tool(['conversations', 'list', '--url', server.url]).ended;
    assert.match(listed.output, /How many accounts are there\?/);
    const address = server.url.replace('http://', '');
    assert.match((await tool(['dead-letters', '--url', address]).ended).output, /No dead letters/);
    const { output: found } = await tool(['dead-letters', 'list'], { SIGNALBOX_URL: `${server.url}/` }).ended;
    assert.match(found, /No dead letters/);
    const missing = await tool(['dead-letters', 'show', 'x', '--json', '--url', server.url]).ended;
    assert.equal(JSON.parse(missing.output).code, 'not_found');
  });

  test('a second process on the same folder, or the same port, is refused in one line', async () => {
    const second = await tool(['start']).ended;
    assert.equal(second.code, 1);
    assert.match(second.errors, /^Signalbox could not start\. The data folder .* is used by another .*\n$/);
    const variables = { PORT: new URL(server.url).port, SIGNALBOX_DATA_DIR: join(folder, 'other') };
    const sameId = await tool(['start'], variables).ended;
    assert.equal(sameId.code, 1);
    assert.match(
      sameId.errors,
      /^Signalbox could not start\. Port \d+ of 127\.0\.0\.1 is in use\. Set PORT.*\n$/,
    );
  });

  test('SIGTERM ends it with 0 in time, even when nobody reads its log any more', async () => {
    server.child.stdout!.destroy();
    await fetch(`${server.url}/health`);
    const begun = performance.now();
    server.child.kill('SIGTERM');
    const [code] = await once(server.child, 'exit');
    assert.equal(code, 0);
    assert.ok(performance.now() - begun < 10_000);
  });
});

test('a configuration that cannot be used is one line and exit code 1', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: 'x' }, /^Signalbox could not start\. PORT is "x"\. .*\n$/],
    [{ HOST: '0.0.0.0' }, /^Signalbox could not start\. HOST is 0\.0\.0\.0.*SIGNALBOX_API_KEYS.*\n$/],
    [
      { SIGNALBOX_DATA_DIR: '/dev/null/data' },
      /^Signalbox could not start\. SIGNALBOX_DATA_DIR is .*cannot be used.*\n$/,
    ],
    [
      { SIGNALBOX_DATA_DIR: '/proc/nope' },
      /^Signalbox could not start\. SIGNALBOX_DATA_DIR is .*cannot be used.*\n$/,
    ],
    [{ SIGNALBOX_ROLE: 'gateway' }, /^Signalbox could not start\. The role .* is gateway .*embedded.*\n$/],
    [
      { SIGNALBOX_ROLE: 'worker', SIGNALBOX_ENGINE: 'restate' },
      /^Signalbox .*data folder.*DATABASE_URL.*\n$/,
    ],
    [{ SIGNALBOX_DATADIR: 'x' }, /Did you mean SIGNALBOX_DATA_DIR\?\n$/],
  ];
  for (const [variables, message] of cases) {
    const { code, errors } = await tool(['start'], variables).ended;
    assert.equal(code, 1);
    assert.match(errors, message);
  }
});

test('what is said on the command line goes before the environment, and is refused as clearly', async () => {
  const role = await tool(['start', '--role', 'worker'], { SIGNALBOX_ROLE: 'all' }).ended;
  assert.deepEqual([role.code, /role of this process is worker/.test(role.errors)], [1, true], role.errors);
  const both = await tool(['start', '--role', 'both']).ended;
  assert.deepEqual(
    [both.code, both.errors],
    [1, '--role is "both". Expected one of gateway, worker, all.\n'],
  );
  assert.equal((await tool(['start', '--rôle']).ended).code, 2);
});

test('the tool says what it knows, and what to do where no server is', async () => {
  const help = await tool(['--help']).ended;
  assert.equal(help.code, 0);
  for (const name of ['start', 'ask', 'listen', 'dead-letters', 'endpoints', 'warehouse'])
    assert.match(help.output, new RegExp(` ${name} `));
  const absent = await tool(['ask', 'x', '--url', 'http://127.0.0.1:9']).ended;
  assert.equal(absent.code, 1);
  assert.match(absent.errors, /Start one with: npm start/);
  const unknown = await tool(['aks']).ended;
  assert.deepEqual([unknown.code, /Did you mean: signalbox ask/.test(unknown.errors)], [2, true]);
  assert.equal((await tool(['ask', '--nope']).ended).code, 2);
  for (const option of ['--secret', '--status', '--port', '--retry-after']) {
    const { code, errors } = await tool([
      'listen',
      '--times',
      '0',
      option,
      option === '--port' ? '70000' : '7\n',
    ]).ended;
    assert.deepEqual([code, errors.startsWith(`${option} is `)], [2, true], errors);
  }
  assert.equal((await tool(['ask', 'x', '--url', 'ftp://127.0.0.1']).ended).code, 2);
  const secret = await tool(['ask', 'x', '--url', 'http://me:secret@127.0.0.1:9']).ended;
  assert.deepEqual([secret.code, secret.errors.includes('secret')], [1, false]);
});

test('listen verifies what comes and answers as it is told', async () => {
  const variables = { SIGNALBOX_DATA_DIR: join(folder, 'not-there-yet') };
  const child = tool(['listen', '--port', '0', '--json', '--status', '503'], variables);
  let text = '';
  for await (const chunk of child.stdout!) {
    text += chunk;
    const url = text.match(/"listening":"([^"]+)"/)?.[1];
    if (url === undefined) continue;
    const forged = await fetch(url, { method: 'POST', body: '{}', headers: { 'webhook-id': 'x' } });
    assert.equal(forged.status, 401);
    break;
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
});
