import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One step of a schema. */
export interface Migration {
  /** The version that it leads to. */
  readonly version: number;
  readonly sql: string;
}

/** The SQL files `001-….sql`, `002-….sql`, … of a folder in their order; the number is the version that a file leads to. */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ version: Number.parseInt(name, 10), sql: readFileSync(join(folder, name), 'utf8') }));
}
