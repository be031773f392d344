import { parseArgs } from 'node:util';
import { takeBackup } from '../sqlite/backup.ts';
import { version } from '../version.ts';
import { type Command, UsageError } from './command.ts';
import { megabytes, printJson } from './terminal.ts';

export const backup: Command = {
  name: 'backup',
  summary: 'write everything that is kept into one file, while the server runs',
  usage: `
signalbox backup FILE [--replace] [--without-warehouse] [--json]

Writes the database, the webhook secret and the warehouse of the data folder (SIGNALBOX_DATA_DIR) into FILE: as they are at one
moment, checked, and under that name only once all of it is on disk. A server may run meanwhile. Exported files
(objects/) and what environment variables say are not in it.
FILE is secret: it has questions, answers and the webhook secret. It must not lie in the data folder.
`,
  async run(args, context) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    const [file, ...rest] = positionals;
    if (file === undefined) throw new UsageError('The file to write is missing.');
    if (rest.length > 0) throw new UsageError(`Only one file can be written, and there is also ${rest[0]}.`);
    const without = values['without-warehouse'] ? ['warehouse.duckdb'] : [];
    const { dataDir } = context.readConfig();
    const replace = values.replace === true;
    const taken = takeBackup({ dataDir, file, replace, without, signalboxVersion: version });
    if (values.json) printJson(context, { success: true, ...wire(taken) });
    else {
      context.write(
        `${taken.file}: ${megabytes(taken.sizeBytes)}, ${taken.conversations} conversations, ${taken.runs} runs of which ${taken.unfinishedRuns} have not ended, ${taken.files.join(', ')}. Checked and whole.\n`,
      );
    }
    return 0;
  },
};

const options = {
  replace: { type: 'boolean' },
  'without-warehouse': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

function wire({
  file,
  takenAt,
  sizeBytes,
  runs,
  unfinishedRuns,
  conversations,
  files,
}: ReturnType<typeof takeBackup>) {
  const counts = { runs, unfinished_runs: unfinishedRuns, conversations };
  return { file, taken_at: takenAt, size_bytes: sizeBytes, ...counts, files };
}
