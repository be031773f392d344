import type { Command } from './command.ts';
import { warehouseCommand, warehouseSummary, warehouseUsage } from './warehouse.ts';

export const warehouse: Command = {
  name: 'warehouse',
  summary: warehouseSummary,
  usage: warehouseUsage,
  run(args, context) {
    const { dataDir } = context.readConfig();
    const words = args.filter((arg) => arg !== '--json');
    const json = words.length < args.length;
    return warehouseCommand(words, { dataDir, json, write: (text) => context.write(text) });
  },
};
