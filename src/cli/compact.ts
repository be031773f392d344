import { parseArgs } from 'node:util';
import { compactDatabase } from '../sqlite/compact.ts';
import type { Command } from './command.ts';
import { megabytes, printJson } from './terminal.ts';

export const compact: Command = {
  name: 'compact',
  summary: 'make the database as small as it can be, while no server runs',
  usage: `
signalbox compact [--json]

Writes the database of the data folder (SIGNALBOX_DATA_DIR) anew without what is free in it. Stop the server first. It needs as much free
room as the database is large. A running server gives room back by itself, more slowly; a database that was made before
version 0.1.0 was released has to be compacted once before it can.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
    const { dataDir } = context.readConfig();
    const { beforeBytes, afterBytes } = compactDatabase(dataDir);
    if (values.json)
      printJson(context, { success: true, before_bytes: beforeBytes, after_bytes: afterBytes });
    else context.write(`${dataDir}: ${megabytes(beforeBytes)} before, ${megabytes(afterBytes)} now.\n`);
    return 0;
  },
};
