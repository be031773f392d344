import { SignalboxError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import type { Engine, Fact, Idempotency, StartedRun } from '../engine/engine.ts';
import type { Flow } from '../engine/flow.ts';
import type { Source, Starts } from '../inbound/source.ts';
import { pathsOf } from '../inbound/template.ts';
import { parseAsk } from './ask-body.ts';
import type { Door } from './door.ts';
import type { AppPorts } from './ports.ts';
import { startQuestion } from './routes/ask.ts';

/** Something that a webhook or a trigger may start, by its name. */
export interface Startable {
  /** Starts it with an input that came from outside. Throws `invalid_request` for one that does not fit. */
  start(input: Json, from: Origin): Promise<StartedRun>;
  /** Says what a source lacks that starts it, or undefined. */
  problemOf?(source: Source): string | undefined;
}

export interface Origin {
  /** Who it came from, and what it was. */
  readonly system: string;
  readonly process: string;
  readonly now: number;
  /** By `performance.now()`. */
  readonly receivedAt: number;
  readonly sizeBytes: number;
  readonly idempotency?: Idempotency;
  /** The run that it is to be, a new id, and what is kept with its start. Default: one that nothing else is known of. */
  readonly runId?: string;
  readonly facts?: readonly Fact[];
  readonly door?: Door;
}

/**
 * What can be started from outside, by name: the one place in which a name is looked up, whichever door it came by. A flow
 * is offered under its own name.
 */
export type Startables = ReadonlyMap<string, Startable>;

export function createStartables(ports: AppPorts): Startables {
  const offered = (ports.offeredFlows ?? []).map((flow) => [flow.name, flowStartable(ports, flow)] as const);
  return new Map([[ports.queryFlow.name, queryStartable(ports)], ...offered]);
}

/** A flow that takes its input as it comes, and what the sender says of its trace where its schema has room for that. */
function flowStartable({ engine }: { engine: Pick<Engine, 'start'> }, flow: Flow<never>): Startable {
  return {
    start: (input, { idempotency, runId, facts, door }) =>
      engine.start(flow, withTrace(flow, input, door) as never, {
        ...(idempotency && { idempotency }),
        ...(runId !== undefined && { runId }),
        ...(facts && { facts }),
      }),
  };
}

function withTrace(flow: Flow<never>, input: Json, door: Door | undefined): Json {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  if (door?.trace === undefined || !isObject) return input;
  // What the input has under these names is not ours to change.
  const traced = { ...door.trace, ...(input as JsonObject) };
  try {
    flow.parseInput(traced);
    return traced;
  } catch {
    return input;
  }
}

/** A question: the input is a body of `POST /webhook`, of which everything but the query may be left out. */
function queryStartable(ports: AppPorts): Startable {
  return {
    async start(input, { system, process, now, receivedAt, sizeBytes, idempotency, runId, facts, door }) {
      const given = typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {};
      const timestamp = new Date(now).toISOString();
      const body = { source_system: system, source_process: process, timestamp, ...(given as JsonObject) };
      return startQuestion(
        ports,
        parseAsk(body, now),
        {
          ...{ now, receivedAt, requestSizeBytes: sizeBytes },
          ...(runId && { runId }),
          ...(facts && { facts }),
          ...(door && { door }),
        },
        idempotency,
      );
    },
    problemOf: ({ options: { input = {} } }) => problemOfQuestion(input),
  };
}

/** What no event could make a question of. What comes from placeholders is not known before an event comes. */
function problemOfQuestion({ query, timestamp, ...names }: JsonObject): string | undefined {
  if (typeof query !== 'string' || query.trim() === '') {
    return 'options.input has no `query`: say what is asked, such as "What changed in {payload.account.name}?"';
  }
  const nameless = ['source_system', 'source_process'].find(
    (name) => Object.hasOwn(names, name) && !isName(names[name]),
  );
  if (nameless !== undefined) return `options.input.${nameless} must be a text of 1 to 128 characters`;
  const isTime =
    timestamp === undefined ||
    (typeof timestamp === 'string' && (hasPlaceholder(timestamp) || parseTimestamp(timestamp) !== undefined));
  return isTime
    ? undefined
    : 'options.input.timestamp must be an ISO-8601 time with a zone, or a placeholder';
}

const hasPlaceholder = (text: string) => pathsOf(text).length > 0;
const isName = (value: Json | undefined) =>
  typeof value === 'string' && (hasPlaceholder(value) || (value.trim() !== '' && value.length <= 128));

/** What a source starts. Throws `invalid_request` for a name that nothing has. */
export function startableOf(startables: Startables, starts: Starts): Startable {
  return 'flow' in starts
    ? lookUp(startables, starts.flow, '/starts/flow')
    : lookUp(startables, starts.definition_id, '/starts/definition_id');
}

/** Throws `invalid_request` that names the place for a name that nothing has. */
export function lookUp(startables: Startables, name: string, path: string): Startable {
  const found = startables.get(name);
  if (found !== undefined) return found;
  const names = [...startables.keys()];
  const suggestion = nearest(name, names);
  const advice = suggestion === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${suggestion}?`;
  const message = `names ${JSON.stringify(name.slice(0, 80))}, which is not here. ${advice}`;
  throw new SignalboxError('invalid_request', `${path.slice(1)} ${message}`, { fields: [{ path, message }] });
}
