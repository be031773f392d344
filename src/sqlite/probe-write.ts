import type { Database, Sql } from './database.ts';

/** Writes something that changes nothing, as others write, and says why that could not be done. */
export function probeWrite(database: Pick<Database, 'write'>): Promise<Error | undefined> {
  return database.write(rewriteVersion).then(
    () => undefined,
    (error: Error) => error,
  );
}

/** It is in the head of the file, of which a page goes into the log and is synced. */
function rewriteVersion(sql: Sql): void {
  const { user_version: version } = sql.get<{ user_version: number }>('PRAGMA user_version')!;
  sql.run(`PRAGMA user_version = ${version}`);
}
