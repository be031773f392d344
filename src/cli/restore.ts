import { parseArgs } from 'node:util';
import { makeDataFolder } from '../data-folder.ts';
import { restoreBackup } from '../sqlite/restore.ts';
import { type Command, UsageError } from './command.ts';
import { printJson } from './terminal.ts';

export const restore: Command = {
  name: 'restore',
  summary: 'put a backup into a data folder that no server uses',
  usage: `
signalbox restore FILE [--replace] [--json]

Checks FILE and puts what is in it into the data folder (SIGNALBOX_DATA_DIR). A folder that a server uses is refused, and so is
one that has a database, unless --replace puts what is there aside (under names with .before-restore-, nothing is deleted).
What had not ended when the backup was taken goes on when the server starts: a delivery may arrive a second time, with the same webhook-id.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [file, ...rest] = positionals;
    if (file === undefined) throw new UsageError('The file to restore is missing.');
    if (rest.length > 0) throw new UsageError(`Only one file can be restored, and there is also ${rest[0]}.`);
    const { dataDir } = context.readConfig();
    makeDataFolder(dataDir);
    const { takenAt, files, putAside } = restoreBackup({ file, dataDir, replace: values.replace === true });
    if (values.json) {
      printJson(context, { success: true, taken_at: takenAt, data_dir: dataDir, files, put_aside: putAside });
    } else {
      context.write(`Restored into ${dataDir} as of ${takenAt}: ${files.join(', ')}.\n`);
      if (putAside.length > 0) context.write(`What was there is now ${putAside.join(', ')}.\n`);
      context.write(
        'What was erased after the backup is erased again at the start, by the list in erasures/ beside exported files: it must be there.\n',
      );
    }
    return 0;
  },
};

const options = { replace: { type: 'boolean' }, json: { type: 'boolean' } } as const;
