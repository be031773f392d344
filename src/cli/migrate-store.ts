import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openContent } from '../compose/encryption.ts';
import { isPostgresUrl } from '../config/execution.ts';
import { SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { Database } from '../sqlite/database.ts';
import { lockFolder } from '../sqlite/folder-lock.ts';
import type { Copied, CopyProgress } from '../store/postgres/copy.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { printJson } from './terminal.ts';

export const migrateStore: Command = {
  name: 'migrate-store',
  summary: 'copy the record of a data folder that no server uses into PostgreSQL',
  usage: `
signalbox migrate-store [--to postgresql://USER:PASSWORD@HOST:5432/DATABASE] [--json]

Copies conversations with every event, disabled endpoints, sources and API keys from the data folder (SIGNALBOX_DATA_DIR) into PostgreSQL, and
compares both sides in the end. Nothing in the folder changes. Without --to the URL is that of DATABASE_URL, which no list of
processes shows. Cut off, run it again: it goes on where it was. Servers may use the database meanwhile.

Stop the server of the folder first. Its runs stay in the folder: let them end there, with the embedded engine, and run this once more; it
copies what has come. docs/guides/operations.md says how to move without losing a request.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const target = targetOf(values.to, context);
    const copied = await copyFolder(context.readConfig().dataDir, target, context);
    if (values.json) printJson(context, { success: true, ...wire(copied) });
    else context.write(summary(copied));
    return 0;
  },
};

const options = { to: { type: 'string' }, json: { type: 'boolean' } } as const;

interface Target {
  readonly url: Secret;
  readonly variable: string;
}

function targetOf(to: string | undefined, context: Context): Target {
  if (to !== undefined) {
    if (isPostgresUrl(to)) return { url: new Secret(to), variable: '--to' };
    throw new UsageError('--to is not a URL such as postgresql://user:password@host:5432/database.');
  }
  const { databaseUrl, uaefDatabaseUrl } = context.readConfig();
  if (databaseUrl !== undefined) return { url: databaseUrl, variable: 'DATABASE_URL' };
  if (uaefDatabaseUrl !== undefined) return { url: uaefDatabaseUrl, variable: 'UAEF_DB_URL' };
  throw new UsageError('Where to? Give --to postgresql://…, or set DATABASE_URL.');
}

async function copyFolder(dataDir: string, target: Target, context: Context): Promise<Copied> {
  const path = join(dataDir, 'signalbox.sqlite');
  if (!existsSync(path)) {
    throw new SignalboxError('not_found', `SIGNALBOX_DATA_DIR is ${dataDir}, which has no record in it.`);
  }
  const lock = lockFolder(dataDir);
  try {
    const content = await openContent(context.readConfig());
    const from = new Database(path, { content });
    try {
      return await copyInto(from, target, context);
    } finally {
      from.close();
    }
  } finally {
    lock.release();
  }
}

async function copyInto(from: Database, target: Target, context: Context): Promise<Copied> {
  const { openPostgres } = await import('../store/postgres/open.ts');
  const { copyRecord } = await import('../store/postgres/copy.ts');
  const to = await openPostgres({
    ...target,
    poolSize: 1,
    statementTimeoutMs: 120_000,
    content: from.content,
  });
  try {
    return await copyRecord({ from, to, onProgress: tellOnceASecond(context), signal: context.signal });
  } finally {
    await to.close();
  }
}

function tellOnceASecond(context: Context): (progress: CopyProgress) => void {
  let toldAt = performance.now();
  return ({ doing, events, ofEvents }) => {
    if (performance.now() - toldAt < 1_000) return;
    toldAt = performance.now();
    const word = doing === 'copying' ? 'Copied' : 'Compared';
    context.writeError(`${word} ${number(events)} of ${number(ofEvents)} events.\n`);
  };
}

const number = (count: number): string => count.toLocaleString('en');

function summary(copied: Copied): string {
  const { events, newEvents, conversations, disabledEndpoints, sources, checksum } = copied;
  const { unfinishedRuns, deadLetters } = copied;
  const lines = [
    `${number(conversations)} conversations with ${number(events)} events (${number(newEvents)} of them new), ${disabledEndpoints} disabled endpoints and ${sources} sources are in PostgreSQL. Both sides are the same.`,
    `SHA-256 ${checksum}`,
    unfinishedRuns > 0 &&
      `${number(unfinishedRuns)} runs have not ended. Start this folder again with the embedded engine, send it nothing new, and run this once more when signalbox runs list shows none that waits.`,
    deadLetters > 0 &&
      `${number(deadLetters)} runs failed and were not started anew. That is done in this folder (signalbox dead-letters), not in the new one.`,
  ];
  return `${lines.filter((line) => line !== false).join('\n')}\n`;
}

const wire = (copied: Copied) => ({
  conversations: copied.conversations,
  events: copied.events,
  new_events: copied.newEvents,
  disabled_endpoints: copied.disabledEndpoints,
  sources: copied.sources,
  checksum: copied.checksum,
  unfinished_runs: copied.unfinishedRuns,
  dead_letters: copied.deadLetters,
});
