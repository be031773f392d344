import type { Config } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import { shortestOf } from '../record/retention.ts';
import type { SystemRetention } from '../record/system-retention.ts';
import type { PostgresDatabase } from '../store/postgres/database.ts';
import type { PostgresLeases } from '../store/postgres/leases.ts';

/** How long what is of no conversation is kept. */
export const systemTimes = (config: Config): SystemRetention => ({
  audit: config.auditRetentionMs,
  refusals: config.refusalRetentionMs,
  triggers: config.triggerRetentionMs,
});

/** What removes from PostgreSQL what is past its time. */
export async function openPostgresRetention(
  config: Config,
  log: Log,
  shared: { readonly database: PostgresDatabase; readonly leases: PostgresLeases },
) {
  // With the driver, which is not loaded for nothing.
  const [{ PostgresRetention }, { recordRetention }, { systemRetention }] = await Promise.all([
    import('../store/postgres/retention.ts'),
    import('../store/postgres/conversation-retention.ts'),
    import('../store/postgres/system-retention.ts'),
  ]);
  const { recordRetention: keep } = config;
  return new PostgresRetention({
    ...shared,
    tasks: [
      ...(shortestOf(keep) === undefined ? [] : [recordRetention(keep)]),
      ...systemRetention(systemTimes(config)),
    ],
    onSwept: (removed) => log.retentionRemoved(removed),
    onError: (error) => log.failed('Retention stopped; it goes on in an hour', error),
  });
}
