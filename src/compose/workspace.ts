import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from '../agents/agent.ts';
import type { Config } from '../config/config.ts';
import type { About } from '../http/ports.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics/metrics.ts';
import { CachingWarehouse } from '../tools/warehouse/caching.ts';
import { createDemoWarehouse } from '../tools/warehouse/demo/demo.ts';
import { DuckDbWarehouse } from '../tools/warehouse/duckdb/duckdb-warehouse.ts';
import { demoSource, metaTable } from '../tools/warehouse/layout.ts';
import { MeasuredWarehouse } from '../tools/warehouse/measured.ts';
import type { Warehouse } from '../tools/warehouse/warehouse.ts';

export interface Workspace {
  readonly warehouse: Warehouse;
  /** Resolves once there is data to ask about; rejects when the demo workspace could not be made. */
  readonly prepared: Promise<void>;
  describe(): Promise<Required<Pick<About, 'tables' | 'demo'>>>;
}

/** The warehouse of the data folder; where there is none, the demo workspace is made while a process starts that needs it. */
export function openWorkspace(config: Config, log: Log, isNeeded: boolean, metrics: Metrics): Workspace {
  const path = join(config.dataDir, 'warehouse.duckdb');
  const prepared =
    existsSync(path) || !isNeeded
      ? Promise.resolve()
      : createDemoWarehouse(path, { seed: 1, today: todayOf(config) });
  prepared.catch((error) => log.failed('The demo workspace could not be made', error));
  const duckDb = new MeasuredWarehouse(new DuckDbWarehouse(path), (operation) => metrics.operated(operation));
  const warehouse = new CachingWarehouse(duckDb);
  const describe = async () => {
    const tables = await warehouse.tables();
    const filled = tables.filter(({ name, rowCount }) => rowCount > 0 && name !== metaTable);
    const { rows } = await warehouse.query(`SELECT DISTINCT source FROM ${metaTable}`);
    return { tables: filled, demo: rows.length > 0 && rows.every((row) => row.source === demoSource) };
  };
  return { warehouse, prepared, describe };
}

/** A question that comes while the demo workspace is being made waits for it. */
export function whenPrepared(agent: Agent, prepared: Promise<void>): Agent {
  return {
    name: agent.name,
    async answer(question) {
      await prepared;
      return agent.answer(question);
    },
  };
}

export const todayOf = (config: Config): string => config.today ?? new Date().toISOString().slice(0, 10);
