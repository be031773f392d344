import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SignalboxError } from '../core/errors.ts';
import { createParquetWriter } from '../record/exports/parquet.ts';
import { type ExportForm, type ExportOf, exportForms } from '../record/exports/schemas.ts';
import { type Client, createClient } from './client.ts';
import { type Command, type Context, UsageError } from './command.ts';
import { type ExportRange, totalOf } from './export-total.ts';
import { createProgress } from './progress.ts';
import { printJson } from './terminal.ts';
import { timeOption } from './time-option.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: 'export conversations of a time again, or into files here',
  usage: `
signalbox export --from TIME --to TIME [--url URL] [--json]
signalbox export --from TIME --to TIME --format all|${exportForms.join('|')} --out FOLDER [--url URL] [--json]
signalbox export --from TIME --to TIME --format parquet --out FILE [--url URL] [--json]

Conversations that are complete, and not erased, and whose request came in that time: not before --from, and before --to. A time is a
date (2026-11-01, its beginning in UTC) or ISO-8601 with a zone.

Without --out the server writes the four files of each to where it exports conversations, in runs of the flow "export". With --out
they are written here: the files of one or all forms below FOLDER, or the analysis form of all in one Parquet file:

    signalbox export --from 2026-11-01 --to 2026-12-01 --format parquet --out november.parquet
    duckdb -c "SELECT webhook_type, avg(total_time_ms) FROM 'november.parquet' GROUP BY ALL"

Cut off, run it again: what is there already is written over with the same.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe; the key is SIGNALBOX_API_KEY.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const client = createClient(context, values.url);
    const range = { from: required('--from', values.from), to: required('--to', values.to) };
    if (range.from >= range.to) throw new UsageError('--from is not before --to.');
    const target = targetOf(client, context, values);
    const { count, notComplete, erased } = await exportAll(client, context, range, target).catch(
      async (error) => {
        await target.abandon?.();
        throw asUnwritten(error);
      },
    );
    if (values.json) {
      const counts = { exported: count, not_complete: notComplete, erased };
      printJson(context, { success: true, ...counts, out: values.out ?? null });
      return 0;
    }
    context.write(`${count} ${count === 1 ? 'conversation' : 'conversations'} ${target.told}\n`);
    if (notComplete > 0) context.writeError(`${notComplete} not complete yet, left out\n`);
    if (erased > 0) context.writeError(`${erased} erased, left out\n`);
    return 0;
  },
};

const options = {
  from: { type: 'string' },
  to: { type: 'string' },
  format: { type: 'string' },
  out: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Row = Readonly<Record<string, unknown>>;

function required(option: string, text: string | undefined): string {
  if (text === undefined) throw new UsageError(`${option} is missing.`);
  return timeOption(option, text);
}

/** Where conversations go. */
interface Target {
  /** What was done, for people. */
  readonly told: string;
  take(conversation: Row): Promise<void>;
  close?(): Promise<void>;
  abandon?(): Promise<void>;
}

function targetOf(
  client: Client,
  context: Context,
  { format, out }: { format?: string; out?: string },
): Target {
  if (out === undefined) {
    if (format === undefined || format === 'all') return serverTarget(client, context);
    throw new UsageError('--format needs --out: the server exports all four forms.');
  }
  if (format === 'parquet') return parquetTarget(client, out);
  const forms = exportForms.filter((form) => format === form || format === undefined || format === 'all');
  if (forms.length > 0) return folderTarget(client, out, forms);
  throw new UsageError(
    `--format is ${JSON.stringify(format)}; all, parquet or one of ${exportForms.join(', ')} is expected.`,
  );
}

const pathOf = (conversation: Row): string =>
  `/conversations/${encodeURIComponent(String(conversation.tracking_id))}/export`;

function serverTarget(client: Client, context: Context): Target {
  return {
    told: 'will be exported by the server: signalbox runs list --flow export',
    take: (conversation) => whenThereIsRoom(() => client.call('POST', pathOf(conversation)), context.signal),
  };
}

/** A server whose queue is full is left alone for a while: the backfill has time, and what others ask has not. */
async function whenThereIsRoom(start: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return void (await start());
    } catch (error) {
      if (!(error instanceof SignalboxError && error.code === 'queue_full')) throw error;
      await setTimeout(1_000, undefined, { signal });
    }
  }
}

function folderTarget(client: Client, folder: string, forms: readonly ExportForm[]): Target {
  return {
    told: `exported into ${folder}`,
    async take(conversation) {
      for (const form of forms) {
        const body = await client.text(`${pathOf(conversation)}?format=${form}`);
        const day = String(conversation.received_at).slice(0, 10).split('-');
        const path = join(
          folder,
          'conversation-history',
          ...day,
          String(conversation.conversation_id),
          `${form}.json`,
        );
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(`${path}.partial`, body);
        renameSync(`${path}.partial`, path);
      }
    },
  };
}

function parquetTarget(client: Client, path: string): Target {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--out is ${path}, a folder; the name of one Parquet file is expected.`);
  }
  const writer = createParquetWriter(path);
  return {
    told: `exported into ${path}`,
    take: async (conversation) =>
      writer.add(
        (await client.call('GET', `${pathOf(conversation)}?format=analysis`)) as ExportOf<'analysis'>,
      ),
    close: () => writer.close(),
    abandon: () => writer.abandon(),
  };
}

/** So many are under way at a time. */
const lanes = 8;

interface Exported {
  readonly count: number;
  /** Conversations of that time that have not ended. */
  readonly notComplete: number;
  /** Of these there are no files any more. */
  readonly erased: number;
}

async function exportAll(
  client: Client,
  context: Context,
  range: ExportRange,
  target: Target,
): Promise<Exported> {
  const progress = createProgress(context, await totalOf(client, range));
  let [count, notComplete, erased] = [0, 0, 0];
  const lane = async (rest: Row[]) => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
      context.signal.throwIfAborted();
      if (next.complete !== true) notComplete++;
      else if (next.erased_at !== null) erased++;
      else await target.take(next).then(() => count++);
      progress.show(count + notComplete + erased);
    }
  };
  try {
    for await (const page of pagesOf(client, range)) {
      await Promise.all(Array.from({ length: lanes }, () => lane(page)));
    }
    await target.close?.();
    return { count, notComplete, erased };
  } finally {
    progress.end();
  }
}

/** What the file system says is for whoever named the place. */
function asUnwritten(error: unknown): unknown {
  const isOfFileSystem = error instanceof Error && 'syscall' in error && 'path' in error;
  return isOfFileSystem
    ? new SignalboxError('storage_failed', `What is exported could not be written: ${error.message}.`, {
        cause: error,
      })
    : error;
}

async function* pagesOf(client: Client, range: ExportRange): AsyncGenerator<Row[]> {
  let after: unknown = null;
  do {
    const query = new URLSearchParams({
      ...range,
      limit: '500',
      ...(after !== null && { after: String(after) }),
    });
    const page = await client.call('GET', `/conversations?${query}`);
    yield [...(page.conversations as readonly Row[])];
    after = page.next;
  } while (after !== null);
}
