import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Client, createClient } from './client.ts';
import { type Context, UsageError } from './command.ts';
import { createProgress } from './progress.ts';
import type { Row } from './rows.ts';
import { printJson } from './terminal.ts';

const options = {
  id: { type: 'string' },
  'source-system': { type: 'string' },
  subject: { type: 'string' },
  again: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  yes: { type: 'boolean' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface Erasure {
  readonly erasing: readonly string[];
  readonly skipped: readonly Row[];
  readonly run_ids: readonly string[];
}

/** `signalbox conversations erase`: finds first, asks, and then erases. */
export async function erase(args: readonly string[], context: Context): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const given = {
    ...(values.id !== undefined && { id: values.id }),
    ...(values['source-system'] !== undefined && { source_system: values['source-system'] }),
    ...(values.subject !== undefined && { subject: values.subject }),
    ...(values.again && { again: true }),
  };
  if (Object.keys(given).length !== 1)
    throw new UsageError('One of --id, --source-system, --subject and --again is expected.');
  const client = createClient(context, values.url);
  const found = await askAll(client, context, { ...given, dry_run: true });
  if (values['dry-run'] || found.erasing.length === 0) return tell(context, found, values.json === true);
  if (!values.yes && !(await agrees(context, found.erasing.length))) {
    context.writeError('Nothing was erased.\n');
    return 1;
  }
  const erased = await askAll(client, context, given);
  const failed = await untilEnded(client, context, erased.run_ids);
  tell(context, erased, values.json === true);
  for (const run of failed)
    context.writeError(`Run ${run} did not end well: signalbox dead-letters show ${run}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** The record is looked through in pieces. */
async function askAll(client: Client, context: Context, body: Row): Promise<Erasure> {
  const all = { erasing: [] as string[], skipped: [] as Row[], run_ids: [] as string[] };
  let after: unknown = null;
  do {
    context.signal.throwIfAborted();
    const piece = await client.call('POST', '/conversations/erase', {
      ...body,
      ...(after !== null && { after }),
    });
    for (const name of ['erasing', 'skipped', 'run_ids'] as const)
      all[name].push(...(piece[name] as never[]));
    after = piece.next;
  } while (after !== null);
  // Question and answer may be in two pieces.
  return { erasing: [...new Set(all.erasing)], skipped: all.skipped, run_ids: all.run_ids };
}

async function agrees(context: Context, count: number): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError(
      `${count} ${count === 1 ? 'conversation' : 'conversations'} would be erased for good. --yes says that it is meant.`,
    );
  const asked = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `Erase the content of ${count} ${count === 1 ? 'conversation' : 'conversations'} for good? [y/N] `;
    return /^y(es)?$/i.test((await asked.question(question, { signal: context.signal })).trim());
  } finally {
    asked.close();
  }
}

/** The runs that did not succeed. */
async function untilEnded(client: Client, context: Context, runIds: readonly string[]): Promise<string[]> {
  const failed: string[] = [];
  const progress = createProgress(context, { count: runIds.length, exact: true });
  for (const [done, runId] of runIds.entries()) {
    progress.show(done);
    for (;;) {
      const { status } = await client.call('GET', `/runs/${runId}`);
      if (status !== 'succeeded' && status !== 'failed' && status !== 'cancelled') {
        await pause(200, undefined, { signal: context.signal });
        continue;
      }
      if (status !== 'succeeded') failed.push(runId);
      break;
    }
  }
  progress.end();
  return failed;
}

function tell(context: Context, { erasing, skipped, run_ids: runIds }: Erasure, json: boolean): number {
  if (json) {
    printJson(context, { success: true, erasing, skipped, run_ids: runIds });
    return 0;
  }
  const verb = runIds.length === 0 ? 'to erase' : 'erased';
  context.write(`${erasing.length} ${erasing.length === 1 ? 'conversation' : 'conversations'} ${verb}\n`);
  if (runIds.length === 0) for (const id of erasing.slice(0, 20)) context.write(`  ${id}\n`);
  const already = skipped.filter(({ because }) => because === 'erased');
  if (already.length > 0) context.write(`${already.length} were erased before\n`);
  for (const { tracking_id: id, because } of skipped)
    if (because !== 'erased') context.write(`  ${id} stays: it is not complete\n`);
  return 0;
}
