import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CachingWarehouse } from '../../tools/warehouse/caching.ts';
import { createDemoWarehouse } from '../../tools/warehouse/demo/demo.ts';
import { DuckDbWarehouse } from '../../tools/warehouse/duckdb/duckdb-warehouse.ts';
import { replaceFile } from '../../tools/warehouse/duckdb/replace-file.ts';
import { createLayoutSql } from '../../tools/warehouse/layout.ts';
import type { Row, Scalar, Warehouse } from '../../tools/warehouse/warehouse.ts';
import type { AgentAnswer } from '../agent.ts';
import { createAnalyst } from './analyst.ts';

/** For tests: an analyst over the demo workspace, or over rows written in the test. */
export interface Asking {
  readonly warehouse: Warehouse;
  ask(question: string): Promise<AgentAnswer>;
  rows(sql: string): Promise<readonly Row[]>;
  release(): Promise<void>;
}

export const testToday = '2026-11-20';

export async function askDemo(): Promise<Asking> {
  return open((path) => createDemoWarehouse(path, { seed: 1, today: testToday }));
}

/** Over an empty warehouse with these statements run in it. */
export async function askRows(statements: readonly string[]): Promise<Asking> {
  return open((path) =>
    replaceFile(path, async (connection) => {
      for (const statement of [...createLayoutSql, ...statements]) await connection.run(statement);
    }),
  );
}

async function open(fill: (path: string) => Promise<unknown>): Promise<Asking> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-analyst-'));
  const path = join(folder, 'warehouse.duckdb');
  await fill(path);
  const warehouse = new CachingWarehouse(new DuckDbWarehouse(path));
  const analyst = createAnalyst({ warehouse, today: () => testToday });
  const signal = new AbortController().signal;
  return {
    warehouse,
    ask: (question) => analyst.answer({ question, sessionId: 'session', idempotencyKey: 'key', signal }),
    rows: async (sql) => (await warehouse.query(sql)).rows,
    release: async () => {
      await warehouse.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The cells of the n-th table of an answer in markdown, without its heading. */
export function cellsOf(markdown: string, at = 0): readonly (readonly string[])[] {
  const tables = markdown.split(/\n\n/).filter((block) => block.startsWith('| '));
  const lines = (tables[at] ?? '').split('\n').slice(2);
  return lines.map((line) => line.slice(2, -2).split(' | '));
}

/** "1,234", "42.0 %", "118 days" as numbers; what is none stays text. */
export function numberOf(cell: string | undefined): Scalar {
  const match = /^(-?[\d,]+(?:\.\d+)?)(?: %| days| min)?$/.exec(cell ?? '');
  return match ? Number(match[1]?.replaceAll(',', '')) : (cell ?? null);
}

/** The statements in the fenced block at the end. */
export function sqlIn(markdown: string): readonly string[] {
  const block = /`{3,}sql\n([\s\S]*?)\n`{3,}$/.exec(markdown)?.[1] ?? '';
  return block.split(/;(?:\n\n|$)/).filter((statement) => statement !== '');
}
