import type { Transaction } from './database.ts';

/** Advisory locks, each for one schema of one database. The first number is ours: nobody else should hit on it. */
const namespace = 0x51_67_6e_62;

const locks = { migration: 1, append: 2, copy: 3, keys: 4 } as const;

/** Waits for a lock, which is let go with the end of the transaction. */
export async function takeLock(sql: Transaction, name: keyof typeof locks): Promise<void> {
  await sql.run(
    `SELECT pg_advisory_xact_lock(${namespace}, hashtext(current_schema() || ' ${locks[name]}'))`,
  );
}
