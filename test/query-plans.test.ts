import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import { SignalboxError } from '../src/core/errors.ts';
import { flowOf } from '../src/engine/contract/harness.ts';
import { EmbeddedEngine } from '../src/engine/embedded/engine.ts';
import { journalRetention } from '../src/engine/embedded/retention.ts';
import type { Flow } from '../src/engine/flow.ts';
import { silentObserver } from '../src/engine/observer.ts';
import { LiveRecord } from '../src/record/live.ts';
import { projectionNames } from '../src/record/projections.ts';
import { parseSearch } from '../src/record/search/query.ts';
import { Database, type SqlRow } from '../src/sqlite/database.ts';
import { aLife } from '../src/store/contract/life.ts';
import { recordRetention } from '../src/store/sqlite/retention.ts';
import { createSqliteStore } from '../src/store/sqlite/store.ts';
import { systemRetention } from '../src/store/sqlite/system-retention.ts';
import type { ConversationFilter, PageOptions } from '../src/store/store.ts';

/** A database that remembers every statement it was given. */
class Remembering extends Database {
  readonly statements = new Set<string>();

  override run(sql: string, ...values: SQLInputValue[]) {
    this.statements.add(sql);
    return super.run(sql, ...values);
  }

  override get<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T | undefined {
    this.statements.add(sql);
    return super.get<T>(sql, ...values);
  }

  override all<T = SqlRow>(sql: string, ...values: SQLInputValue[]): T[] {
    this.statements.add(sql);
    return super.all<T>(sql, ...values);
  }
}

/** Steps of a plan that read a whole table, or sort what may be one. */
function slowSteps(database: Database, sql: string): string[] {
  if (!/^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)/i.test(sql)) return [];
  return database
    .all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .map(({ detail }) => detail)
    .filter((detail) => /^SCAN (?!CONSTANT|family|keys|\(subquery)/.test(detail) && !isBounded(sql, detail));
}

/** Goes through rows in the order of a key and stops at a limit; or looks at tables that stay small, or for any row. */
const isBounded = (sql: string, detail: string): boolean =>
  (/(ORDER BY \w+( DESC)?(, id DESC)?|\(SELECT 1 FROM [\w ]+|FROM search_\d_\w+ *) LIMIT/.test(sql) &&
    !/USE TEMP B-TREE/.test(detail)) ||
  /(disabled_endpoints|sources|api_keys|projections|docsize)/.test(detail);

/** Each with the reason why it may read a whole table. */
const known: Readonly<Record<string, string>> = {
  'SELECT alive FROM process': 'a table of one row',
  'UPDATE process SET alive = 1': 'a table of one row',
  'UPDATE process SET alive = 0': 'a table of one row',
  'SELECT status, count(*) AS count FROM conversations GROUP BY status':
    'the counts of the page; it reads an index, not the table',
};

const signal = flowOf('signal', (step) => step.waitForSignal('go', { timeoutMs: 60_000 }));
const flows = [
  signal,
  flowOf('parent', (step) => step.call('child', signal, 1)),
  flowOf('sleeper', async (step) => {
    await step.run('fails once', ({ attempt }) => {
      if (attempt === 1) throw new Error('once');
    });
    await step.sleep('a while', 1);
    return step.start('started', ended, 1);
  }),
  flowOf('failing', async () => {
    throw new SignalboxError('step_failed', 'on purpose', { retryable: false });
  }),
];
const ended = flowOf('ended', (step) => step.run('one', () => 1));
const all = [...flows, ended] as readonly Flow<unknown, unknown>[];

async function useEngine(engine: EmbeddedEngine): Promise<void> {
  engine.recover();
  const idempotency = { key: 'k', fingerprint: 'f', expiresAt: Date.now() + 60_000 };
  const { runId } = await engine.start(signal, 1, { idempotency });
  const parent = await engine.start(all[1]!, 1);
  const cancelled = await engine.start(all[1]!, 1);
  const terminated = await engine.start(signal, 1);
  const others = await Promise.all([all[2]!, all[3]!, ended].map((flow) => engine.start(flow, 1)));
  await Promise.all(others.map((run) => engine.wait(run.runId)));
  await engine.restart(others[1]!.runId);
  await engine.signal(runId, 'go', 1);
  await engine.wait(runId);
  const [{ childRunId } = {}] = await engine.history(parent.runId);
  await engine.signal(childRunId!, 'go', 1);
  await engine.wait(parent.runId);
  await engine.cancel(cancelled.runId);
  await engine.terminate(terminated.runId);
  await engine.list({ deadLetters: true });
  await engine.deadLetters();
  await engine.list({ limit: 1 });
  for (const status of ['queued', 'waiting', 'paused', 'running'] as const) await engine.list({ status });
}

test('no statement of the engine, the record or retention reads a whole table', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-plans-'));
  const database = new Remembering(join(folder, 'signalbox.sqlite'));
  const store = createSqliteStore(database, new LiveRecord({ onError: () => {}, limit: 10 }));
  const { writeFacts } = store;
  const registered = all as readonly Flow<never>[];
  const engine = new EmbeddedEngine({
    database,
    flows: registered,
    writeFacts,
    observer: silentObserver,
    residentMs: 0,
  });
  context.after(async () => {
    await engine.stop(0);
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await useEngine(engine);
  const life = aLife();
  await store.append(life.facts);
  await store.conversation(life.trackingId);
  await store.events(life.trackingId, 1);
  const filters: readonly (ConversationFilter & PageOptions)[] = [
    {},
    { after: '9.9' },
    { from: 1, to: 9 },
    { sourceProcess: 'p', from: 1 },
    { account: 'a', after: '9.9' },
    { conversationId: 'c' },
    { status: 'queued', sourceSystem: 's', webhookType: 'general', after: '9.9' },
    { status: 'queued' },
    { sourceSystem: 's' },
    { webhookType: 'general' },
  ];
  for (const filter of filters) {
    await store.conversations(filter);
    await store.count(filter);
  }
  await store.follower.catchUp();
  await store.search({ query: parseSearch('deal -x "a b" what*'), status: 'queued', from: 1, after: '9' });
  await store.statistics({ bucketMs: 60_000, from: 0, to: 60_000 });
  await store.rebuild(projectionNames);
  await store.follower.catchUp();
  await store.projections();
  await store.recentAnswerTimesMs('general', 200);
  await store.counts();
  await store.oldest('delivering');
  await store.acts({ after: '9' });
  await store.keys();
  await store.session('x');
  await store.useToken('x', 2, 1);
  const clock = () => Date.now() + 86_400_000;
  await database.write((sql) => journalRetention({ keepMs: 1, clock }).piece(sql, 0, 100));
  await database.write((sql) => recordRetention({ keep: { all: 1, byType: {} }, clock }).piece(sql, 0, 100));
  for (const task of systemRetention({ keep: { audit: 1, refusals: 1, triggers: 1 }, clock }))
    await database.write((sql) => task.piece(sql, 0, 100));
  const used = [...database.statements];
  assert.ok(used.length > 40, `${used.length} statements were seen`);
  const slow = used
    .filter((sql) => known[sql] === undefined)
    .flatMap((sql) => slowSteps(database, sql).map((step) => `${step}: ${sql}`));
  assert.deepEqual(slow, []);
});

test('a statement that reads a whole table is noticed', (context) => {
  const database = new Database(':memory:');
  context.after(() => database.close());
  assert.deepEqual(slowSteps(database, 'SELECT * FROM runs WHERE flow = ?'), ['SCAN runs']);
});
