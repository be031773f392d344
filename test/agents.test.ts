import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, type ServerProcess, startServer } from './fixtures/server-process.ts';

async function ask(server: ServerProcess, query: string): Promise<string> {
  const timestamp = new Date().toISOString();
  const body = JSON.stringify({ query, source_system: 'test', source_process: 'agents', timestamp });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/webhook`, { method: 'POST', headers, body });
  assert.equal(response.status, 202);
  return ((await response.json()) as { tracking_id: string }).tracking_id;
}

interface Seen {
  readonly complete: boolean;
  readonly ai_response: { readonly response_plain: string; readonly agent: string } | null;
}

async function answerOf(server: ServerProcess, trackingId: string): Promise<Seen> {
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(50)) {
    const response = await fetch(`${server.url}/webhook/${trackingId}`).catch(() => undefined);
    const seen = (await response?.json()) as Seen | undefined;
    if (seen?.complete) return seen;
  }
  throw new Error('There was no answer within a minute.');
}

test('one Signalbox asks the analyst of another, and nothing is lost or asked twice when either is killed', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-agents-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'agent.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const answering = {
    ...{ PORT: port, SIGNALBOX_DATA_DIR: join(folder, 'b'), SIGNALBOX_PUBLIC_URL: url },
    SIGNALBOX_TODAY: '2026-08-14',
    SIGNALBOX_AGENT_CALLERS: `asker=${publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`,
  };
  const asking = {
    ...{ PORT: String(await freePort()), SIGNALBOX_DATA_DIR: join(folder, 'a') },
    ...{ SIGNALBOX_AGENT_URL: `${url}/agents/analyst`, SIGNALBOX_AGENT_NAME: 'asker' },
    SIGNALBOX_AGENT_PRIVATE_KEY: join(folder, 'agent.pem'),
  };
  let b = await startServer(answering);
  let a = await startServer(asking);
  context.after(() => Promise.all([a.kill(), b.kill()]));
  const runsOf = async (server: ServerProcess) => {
    const response = await fetch(`${server.url}/runs?flow=agent-invocation&limit=500`);
    return ((await response.json()) as { runs: { input: { question: string; issuer: string } }[] }).runs;
  };

  const first = await answerOf(a, await ask(a, 'How many accounts are there?'));
  assert.match(first.ai_response!.response_plain, /\d/);
  const [run] = await runsOf(b);
  assert.deepEqual([run?.input.question, run?.input.issuer], ['How many accounts are there?', 'asker']);
  assert.equal((await runsOf(a)).length, 0, 'the answer came from there');

  // The one that answers is away while questions come; then the one that asks dies too.
  await b.kill();
  const asked = await Promise.all(
    Array.from({ length: 3 }, (_, n) => ask(a, `What are the top ${n + 2} deals closing this quarter?`)),
  );
  await a.kill();
  [a, b] = await Promise.all([startServer(asking), startServer(answering)]);
  // What was asked while nobody answered, and what is asked now: all of it once.
  const more = await Promise.all(
    Array.from({ length: 3 }, (_, n) => ask(a, `What are the top ${n + 7} deals closing this quarter?`)),
  );
  for (const trackingId of [...asked, ...more]) {
    const { ai_response: answer } = await answerOf(a, trackingId);
    assert.ok(answer !== null && answer.response_plain.length > 10);
  }
  const questions = (await runsOf(b)).map(({ input }) => input.question);
  assert.equal(questions.length, 7);
  assert.equal(new Set(questions).size, 7, 'each was asked once');
});
