import { describeDuration } from '../core/duration.ts';
import type { Client } from './client.ts';
import type { Context } from './command.ts';
import { printNext, printRows, type Row } from './rows.ts';
import { dim, printJson } from './terminal.ts';

interface Asked {
  readonly id: string;
  readonly limit?: string;
  readonly after?: string;
  readonly json?: boolean;
}

/** Prints a page of what happened in a conversation, and how to see the next one. */
export async function timeline(
  client: Client,
  { id, limit, after, json }: Asked,
  context: Context,
): Promise<void> {
  const parameters = new URLSearchParams({ ...(limit && { limit }), ...(after && { after }) });
  const query = parameters.size === 0 ? '' : `?${parameters}`;
  const page = await client.call('GET', `/conversations/${encodeURIComponent(id)}/timeline${query}`);
  if (json) return printJson(context, page);
  printRows(context, page.timeline as readonly Row[], listing);
  if (page.more_runs === true) {
    context.writeError(
      dim(context, 'It has more runs than are looked at: steps and waits of later ones are missing.\n'),
    );
  }
  printNext(context, page);
}

const listing = {
  none: 'Nothing more happened.',
  columns: {
    'started (UTC)': (row: Row) => String(row.started_at).slice(0, 23).replace('T', ' '),
    took: (row: Row) =>
      row.duration_ms === null
        ? 'going on'
        : row.duration_ms === 0
          ? ''
          : describeDuration(Number(row.duration_ms)),
    outcome: (row: Row) => (row.outcome === 'done' ? '' : String(row.outcome).replace('_', ' ')),
    what: (row: Row) => `${String(row.kind).replace('_', ' ')}: ${row.name}${aboutOf(row)}`,
  },
};

const longestAbout = 100;

/** What tells one from others of its name. */
function aboutOf({ detail }: Row): string {
  const { content, reason, error, flow, slow } = detail as Row;
  const ofFlow = flow === undefined ? undefined : `of ${flow}`;
  const said = String(reason ?? (error as Row | null)?.message ?? content ?? ofFlow ?? '');
  const shown = said.length > longestAbout ? `${said.slice(0, longestAbout)}…` : said;
  return `${shown === '' ? '' : ` (${shown})`}${slow === true ? ', slow' : ''}`;
}
