import type { Warehouse } from '../tools/warehouse/warehouse.ts';
import type { Agent } from './agent.ts';

/** An agent that says what is in the warehouse, whatever it is asked. */
export function createOverview({ warehouse }: { readonly warehouse: Warehouse }): Agent {
  return {
    name: 'overview',
    async answer() {
      const tables = await warehouse.tables();
      const rows = tables.map((table) => `| ${table.name} | ${table.rowCount} |`);
      const markdown = ['| table | rows |', '| --- | ---: |', ...rows].join('\n');
      const plain = tables.map((table) => `${table.name}: ${table.rowCount} rows`).join('\n');
      return { markdown, plain, toolCalls: [], understood: false };
    },
  };
}
