import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from './client.ts';
import { type Command, UsageError } from './command.ts';
import { megabytes, printJson, table } from './terminal.ts';

interface Heap {
  readonly used_bytes: number;
  readonly limit_bytes: number;
  readonly external_bytes: number;
  readonly resident_bytes: number;
  readonly taken_by: readonly { readonly place: string; readonly bytes: number }[];
}

export const profile: Command = {
  name: 'profile',
  summary: 'profile the running server: what it does, and what its heap holds',
  usage: `
signalbox profile [--seconds 30] [--out FILE|FOLDER] [--url URL] [--json]

Writes a .cpuprofile (by default signalbox-<time>.cpuprofile, here or in the folder), which the DevTools of Chrome and Visual Studio Code open, and says
what the heap holds and where what was taken meanwhile was taken. It costs the server a few percent while it lasts, 120 seconds at
most, one at a time. The key (SIGNALBOX_API_KEY) needs the scope admin.
Without --url the server is SIGNALBOX_URL, else the one that HOST and PORT describe.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options });
    const { seconds } = values;
    if (!/^\d{1,3}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 120) {
      throw new UsageError(`--seconds is "${seconds}". Expected a whole number from 1 to 120.`);
    }
    const file = fileOf(values.out);
    const client = createClient(context, values.url);
    if (!values.json) context.writeError(`Profiling ${client.url} for ${seconds} s.\n`);
    const taken = await client.call('POST', `/profile?seconds=${seconds}`);
    writeFileSync(file, JSON.stringify(taken.cpu_profile));
    const heap = taken.heap as Heap;
    if (values.json) {
      printJson(context, { success: true, file, seconds: taken.seconds, heap });
      return 0;
    }
    context.write(
      `${file}: ${taken.seconds} s. Open it with the DevTools of Chrome (Performance, load profile).\n\n`,
    );
    context.write(
      `Heap: ${megabytes(heap.used_bytes)} of at most ${megabytes(heap.limit_bytes)}; ${megabytes(heap.external_bytes)} outside it; the process takes ${megabytes(heap.resident_bytes)}.\n`,
    );
    const rows = heap.taken_by.slice(0, 10).map(({ place, bytes }) => [megabytes(bytes), place]);
    if (rows.length > 0) context.write(`\n${table(context, ['taken', 'by'], rows)}`);
    return 0;
  },
};

/** Looked at before a profile is taken that could not be written then. */
function fileOf(out = '.'): string {
  const isFolder = statSync(out, { throwIfNoEntry: false })?.isDirectory();
  const file = isFolder
    ? join(out, `signalbox-${new Date().toISOString().replace(/[:.]/g, '-')}.cpuprofile`)
    : out;
  if (existsSync(dirname(file))) return file;
  throw new UsageError(`--out is ${out}, and there is no folder ${dirname(file)} to write the profile to.`);
}

const options = {
  seconds: { type: 'string', default: '30' },
  out: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean' },
} as const;
