import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { noPostgres, postgresPrograms } from '../fixtures/postgres-server.ts';
import { noServer, restateBinary } from '../fixtures/restate-server.ts';
import { canHaveNetwork, noNetwork, ownNetwork } from './network.ts';

const seed = Number(process.env.CHAOS_SEED ?? 20_261_121);
const blows = Number(process.env.CHAOS_KILLS ?? 3);
const missing =
  (restateBinary() === undefined && noServer) || (postgresPrograms() === undefined && noPostgres);

test(`in a cluster something is killed, stopped or cut off ${blows} times (seed ${seed}): nothing accepted is lost, each answer comes under one id, what is approved is executed under one key`, {
  timeout: 90_000 + blows * 45_000,
  skip: missing,
}, async (context) => {
  const isDivided = canHaveNetwork();
  const within = isDivided ? ownNetwork : [];
  const script = join(import.meta.dirname, 'storm.ts');
  const [command, ...args] = [
    ...[...within, process.execPath, '--disable-warning=ExperimentalWarning', script],
    ...[String(seed), String(blows), String(isDivided)],
  ];
  const storm = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => storm.kill('SIGTERM'));
  let [said, errors] = ['', ''];
  storm.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  storm.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const [code] = (await once(storm, 'close')) as [number | null];
  for (const line of said.trimEnd().split('\n')) context.diagnostic(line);
  assert.equal(code, 0, errors);
  await context.test('a node was cut off from the others', { skip: !isDivided && noNetwork }, () =>
    assert.match(said, /restate-\d cut off/),
  );
});
