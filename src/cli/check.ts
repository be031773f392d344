import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SignalboxError } from '../core/errors.ts';
import { databaseName } from '../sqlite/backup.ts';
import { inspectFile } from '../sqlite/inspect.ts';
import { type Command, UsageError } from './command.ts';
import { printJson, safe } from './terminal.ts';

export const check: Command = {
  name: 'check',
  summary: 'look whether the database, or a backup, is whole',
  usage: `
signalbox check [FILE] [--quick] [--json]

Looks at every page and index of the database in the data folder (SIGNALBOX_DATA_DIR), or of the backup FILE, and at what must hold in
the journal and the record. It only reads, and a server may run meanwhile. --quick leaves out comparing the indexes with their tables.
Exit code 0 when all is well, 1 when not.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    if (positionals.length > 1)
      throw new UsageError(`There are ${positionals.length} files; expected one at most.`);
    const path = positionals[0] ?? join(context.readConfig().dataDir, databaseName);
    if (!existsSync(path)) {
      throw new SignalboxError('not_found', `There is no ${path}. Set SIGNALBOX_DATA_DIR, or name a backup.`);
    }
    const { schema, problems } = inspectFile(path, { quick: values.quick === true });
    const isWhole = problems.length === 0;
    if (values.json) printJson(context, { success: isWhole, file: path, schema, problems });
    else if (isWhole) context.write(`${path} is whole (schema ${schema}).\n`);
    else
      context.writeError(
        `${path} is damaged:\n${problems.map((line) => `  ${safe(line)}\n`).join('')}${advice}`,
      );
    return isWhole ? 0 : 1;
  },
};

const options = { quick: { type: 'boolean' }, json: { type: 'boolean' } } as const;

const advice = `What to do: stop the server, keep a copy of the whole data folder, look for errors of the disk, and put back the newest
backup that signalbox check finds whole: signalbox restore FILE --replace
`;
