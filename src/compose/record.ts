import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { postgresSettings } from '../config/execution.ts';
import type { Content } from '../encryption/content.ts';
import type { FactWriter } from '../engine/embedded/facts.ts';
import { journalRetention, unclaimedSignals } from '../engine/embedded/retention.ts';
import type { ReadRows } from '../engine/embedded/runtime.ts';
import type { Log } from '../observe/log.ts';
import { LiveRecord } from '../record/live.ts';
import { shortestOf } from '../record/retention.ts';
import { compaction } from '../sqlite/compaction.ts';
import { Database } from '../sqlite/database.ts';
import { inspectAtStart } from '../sqlite/inspect.ts';
import { probeWrite } from '../sqlite/probe-write.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import type { Leases } from '../store/leases.ts';
import { createLocalLeases } from '../store/local/leases.ts';
import { createLocalRateLimits } from '../store/local/rate-limits.ts';
import type { PostgresDatabase } from '../store/postgres/database.ts';
import type { PostgresLeases } from '../store/postgres/leases.ts';
import type { RateLimits } from '../store/rate-limits.ts';
import { asking } from '../store/sqlite/reads.ts';
import { recordRetention } from '../store/sqlite/retention.ts';
import { createSqliteStore } from '../store/sqlite/store.ts';
import { systemRetention } from '../store/sqlite/system-retention.ts';
import { storeThreads } from '../store/sqlite/threads.ts';
import type { Store } from '../store/store.ts';
import { openPostgresRetention, systemTimes } from './retention.ts';

/** The record as this process has it. */
export interface ComposedRecord {
  readonly store: Store;
  readonly live: LiveRecord;
  readonly rateLimits: RateLimits;
  readonly leases: Leases;
  /** The file that the embedded engine shares with the record; absent where other processes have the record too. */
  readonly file?: {
    readonly database: Database;
    readonly writeFacts: FactWriter;
    readonly readRows: ReadRows;
    /** Leaves no earlier version of anything in the log of SQLite. */
    truncateLog(): Promise<unknown>;
  };
  /** What processes share in PostgreSQL; absent with a file. */
  readonly shared?: { readonly database: PostgresDatabase; readonly leases: PostgresLeases };
  /** What keeps it from taking writes, if anything does. */
  problem(): Promise<Error | undefined>;
  /** Resolves when the disk did not confirm a write: only another process can go on, from what is on disk. */
  readonly lost: Promise<Error>;
  /** Begins what goes on in the background. */
  begin(): void;
  /** Ends what goes on in the background. */
  rest(): void;
  close(): Promise<void>;
}

/** Opens the record: in PostgreSQL where a URL says so, else in the file of the data folder. */
export function openRecord(
  config: Config,
  log: Log,
  content: Content,
): Promise<ComposedRecord> | ComposedRecord {
  const live = new LiveRecord({ onError: (error) => log.failed('A listener of the record failed', error) });
  live.subscribeAll((event) => log.recorded(event));
  const postgres = postgresSettings(config);
  return postgres === undefined
    ? openFile(config, log, live, content)
    : openShared(config, log, live, { ...postgres, content });
}

function openFile(config: Config, log: Log, live: LiveRecord, content: Content): ComposedRecord {
  const database = new Database(join(config.dataDir, 'signalbox.sqlite'), { content });
  if (database.copyBeforeMigration !== undefined) {
    log.warning(
      `The database was brought up to date; as it was before, it is in ${database.copyBeforeMigration}. Remove that file when all is well.`,
    );
  }
  inspectAtStart(database);
  const threads = storeThreads(database.path, content, (error) => log.failed(threadEnded, error));
  const onError = (error: unknown) => log.failed(followingFailed, error);
  const store = createSqliteStore(database, live, onError, threads);
  const ask = asking(database, threads.reading);
  const sweeper = createSweeper(config, log, database);
  return {
    ...{ store, live, rateLimits: createLocalRateLimits(), leases: createLocalLeases() },
    file: {
      ...{ database, writeFacts: store.writeFacts },
      readRows: <T>(text: string) => ask('rows', text) as Promise<T[]>,
      truncateLog: () => threads.reading.quietly(() => database.truncateLog()),
    },
    problem: async () => {
      // What failed before may have been larger than what is tried now.
      const { failure } = database;
      return (await probeWrite(database)) ?? failure;
    },
    lost: database.lost,
    begin() {
      sweeper.begin();
      store.follower.begin();
    },
    rest() {
      sweeper.stop();
      store.follower.stop();
    },
    async close() {
      await threads.close();
      database.close();
    },
  };
}

const threadEnded =
  'A thread of the database came to its end; what it did is done without it, and another takes its place';

const followingFailed = 'Search and statistics could not follow the record; they go on by themselves';

/** What is past its time is removed in the background, and its room given back. */
function createSweeper(config: Config, log: Log, database: Database): Sweeper {
  const { retentionMs, recordRetention: keep } = config;
  const tasks = [
    ...(retentionMs === null
      ? []
      : [journalRetention, unclaimedSignals].map((task) => task({ keepMs: retentionMs }))),
    ...(shortestOf(keep) === undefined ? [] : [recordRetention({ keep })]),
    ...systemRetention({ keep: systemTimes(config) }),
    compaction(),
  ];
  return new Sweeper({
    database,
    tasks,
    onSwept: (removed) => log.retentionRemoved(removed),
    onError: (error) => log.failed('Retention stopped; it goes on in an hour', error),
  });
}

async function openShared(
  config: Config,
  log: Log,
  live: LiveRecord,
  settings: NonNullable<ReturnType<typeof postgresSettings>> & { readonly content: Content },
): Promise<ComposedRecord> {
  // With its driver, which is not loaded for nothing.
  const { openPostgresRecord } = await import('../store/postgres/open.ts');
  const { store, database, leases, rateLimits, ...record } = await openPostgresRecord(
    settings,
    live,
    (error) => log.failed(followingFailed, error),
  );
  const retention = await openPostgresRetention(config, log, { database, leases });
  return {
    ...{ store, live, rateLimits, leases, shared: { database, leases } },
    problem: () => database.problem(),
    // Another connection goes on with what the server has.
    lost: new Promise(() => {}),
    begin() {
      record.begin();
      retention.begin();
    },
    rest: () => retention.stop(),
    close: () => record.close(),
  };
}
