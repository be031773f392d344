import { setTimeout as pause } from 'node:timers/promises';
import { type ErrorCode, SignalboxError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { Context } from './command.ts';
import type { StreamedEvent } from './event-source.ts';
import type { Row } from './rows.ts';
import { bold, dim, safe } from './terminal.ts';

/** Prints the events of all conversations as they come, until it is interrupted; a connection that is lost is made anew, and nothing is left out. */
export async function tail(
  client: Client,
  parameters: URLSearchParams,
  context: Context,
  asJson: boolean,
): Promise<number> {
  const path = `/conversations/events?${parameters}`;
  const show = (event: Row) =>
    context.write(asJson ? `${JSON.stringify(event)}\n` : `${lineOf(event, context)}\n`);
  if (!asJson) context.writeError(dim(context, `following ${client.url}; Ctrl-C ends it\n`));
  try {
    for await (const { data } of keptStream(client, path, context)) {
      if (data !== undefined) show(JSON.parse(data) as Row);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  return 0;
}

/** What another try does not change; everything else may be a server that is away, or that another one takes the place of. */
const final: ReadonlySet<ErrorCode> = new Set(['unauthenticated', 'forbidden', 'invalid_request']);
const longestDelayMs = 15_000;

/** A stream without an end: the first connection has to succeed, and then it is made anew whenever it is lost. */
async function* keptStream(client: Client, path: string, context: Context): AsyncGenerator<StreamedEvent> {
  const tell = (text: string) => context.writeError(dim(context, `${text}\n`));
  let last: StreamedEvent | undefined;
  for (let failures = 0; ; failures++) {
    try {
      for await (const event of client.stream(path, last?.id)) {
        if (failures > 0) tell('connected again');
        failures = 0;
        last = event;
        yield event;
      }
    } catch (error) {
      context.signal.throwIfAborted();
      const isFinal = error instanceof SignalboxError && final.has(error.code);
      if (last === undefined || isFinal) throw error;
    }
    if (failures === 0) tell('the connection was lost; connecting again …');
    const delayMs = failures === 0 ? (last?.retryMs ?? 1_000) : 1_000 * 2 ** failures;
    await pause(Math.min(delayMs, longestDelayMs), undefined, { signal: context.signal });
  }
}

/** What people want to know of an event besides its type, where it has it. */
const told: readonly (readonly [name: string, shown: (value: unknown) => string])[] = [
  ['detail', String],
  ['agent', String],
  ['response_plain', String],
  ['attempt', (value) => `attempt ${value}`],
  ['status_code', (value) => `answered ${value}`],
  ['reason', String],
  ['delivery_status', (value) => `delivery ${String(value).replace('_', ' ')}`],
  ['total_time_ms', (value) => `${value} ms`],
  ['problem', String],
  ['prefix', String],
  ['query', String],
];

function lineOf(event: Row, context: Context): string {
  const { source_system: system, source_process: process } = (event.webhook_metadata ?? {}) as Row;
  const type = String(event.event_type).replace(/^WEBHOOK_/, '');
  const failure = (event.error as Row | null | undefined)?.message;
  const parts = told.flatMap(([name, shown]) => {
    const value = event[name];
    return value === undefined || value === null || value === '' ? [] : [shown(value)];
  });
  const about = [...(failure === undefined ? [] : [String(failure)]), ...parts].join(' · ');
  const head = `${String(event.timestamp ?? '')
    .slice(11, 23)
    .padEnd(12)}  ${bold(context, type.padEnd(23))}`;
  const who =
    event.tracking_id === undefined ? '' : `  ${event.tracking_id}  ${safe(`${system}/${process}`)}`;
  const room = Math.max(20, context.columns - 81 - `${system}/${process}`.length);
  return `${head}${dim(context, who)}  ${safe(about).replace(/\s+/g, ' ').slice(0, room)}`;
}
