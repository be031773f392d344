import { isUuid } from '../../core/ids.ts';
import { hasEnded, type Run, type RunFilter, type RunPage } from '../engine.ts';
import type { UnfinishedRuns } from '../flow-versions.ts';
import { type KeptError, runErrorOf } from '../kept-error.ts';
import { change, create, type Records } from '../records.ts';
import { unknownRun } from '../refusals.ts';
import { largestPage, pageLimit, runIdCursor } from '../run-page.ts';
import { placeOf, type RunChange, type RunRecord, type RunRequest, recordKeys } from './messages.ts';

/** Runs as lists show them. What decides is in AWS; this is written by whoever starts a run, and by the run itself. */
export class RunRecords {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Notes a run that AWS has; one that has noted itself stays as it is, apart from where it is. */
  async noteStarted(request: RunRequest, arn: string): Promise<{ record: RunRecord; created: boolean }> {
    const record: RunRecord = { ...recordOf(request), arn };
    const key = recordKeys.run(request.runId);
    const { value, created } = await create(this.#records, key, record, placeOf(record));
    return { record: value, created };
  }

  /** Changes a run that has not ended; one that has ended is returned as it is. */
  async change(runId: string, decide: (present: RunRecord) => RunChange | undefined): Promise<RunRecord> {
    const changed = await change<RunRecord>(this.#records, recordKeys.run(runId), (present) => {
      const next = present === undefined || hasEnded(present.status) ? undefined : decide(present);
      if (next === undefined) return undefined;
      const value = { ...present, ...next } as RunRecord;
      return { value, ...placeOf(value) };
    });
    if (changed === undefined) throw unknownRun(runId);
    return changed;
  }

  /** Notes as which run an ended one was started anew, once; returns the run that it is. */
  async restarted(runId: string, again: string): Promise<string> {
    const changed = await change<RunRecord>(this.#records, recordKeys.run(runId), (present) => {
      if (present === undefined || present.restartedAs !== undefined) return undefined;
      const value = { ...present, restartedAs: again };
      return { value, ...placeOf(value) };
    });
    return changed?.restartedAs ?? again;
  }

  async find(runId: string): Promise<RunRecord | undefined> {
    if (!isUuid(runId)) return undefined;
    return (await this.#records.read(recordKeys.run(runId)))?.value as RunRecord | undefined;
  }

  /** Throws `unknown_run`. */
  async require(runId: string): Promise<RunRecord> {
    const record = await this.find(runId);
    if (record === undefined) throw unknownRun(runId);
    return record;
  }

  /** Newest first. */
  async list(filter: RunFilter): Promise<RunPage> {
    const limit = pageLimit(filter);
    const pages = new Pages(this.#records, listsOf(filter), limit, filter.after && runIdCursor(filter.after));
    const runs: Run[] = [];
    for (let next = await pages.next(); next !== undefined; next = await pages.next()) {
      if (filter.flow !== undefined && next.flow !== filter.flow) continue;
      if (runs.length === limit) return { runs, next: runs.at(-1)!.runId };
      runs.push(toRun(next));
    }
    return { runs };
  }

  /** Runs that have not ended. */
  async unfinished(): Promise<UnfinishedRuns[]> {
    const pages = new Pages(this.#records, unfinished, largestPage, undefined);
    const found: UnfinishedRuns[] = [];
    for (let next = await pages.next(); next !== undefined; next = await pages.next()) {
      const { flow, version, status, createdAt: oldestStartedAt, error } = next;
      const code = error && { code: error.code };
      found.push({ flow, version, status, count: 1, oldestStartedAt, ...code });
    }
    return found;
  }

  /** So many of those that have not ended, newest first, and where the rest begins, if there is one. */
  async unfinishedPage(limit: number, after?: string): Promise<{ runs: RunRecord[]; next?: string }> {
    const pages = new Pages(this.#records, unfinished, limit, after);
    const runs: RunRecord[] = [];
    for (let next = await pages.next(); next !== undefined; next = await pages.next()) {
      if (runs.length === limit) return { runs, next: runs.at(-1)!.runId };
      runs.push(next);
    }
    return { runs };
  }

  async *paused(): AsyncGenerator<RunRecord> {
    const pages = new Pages(this.#records, ['paused'], largestPage, undefined);
    for (let next = await pages.next(); next !== undefined; next = await pages.next()) yield next;
  }
}

const unfinished = ['queued', 'running', 'waiting', 'paused'];
const ended = ['succeeded', 'failed', 'failed-restarted', 'cancelled'];

function listsOf({ status, deadLetters }: RunFilter): readonly string[] {
  if (deadLetters) return status === undefined || status === 'failed' ? ['failed'] : [];
  if (status === 'failed') return ['failed', 'failed-restarted'];
  return status === undefined ? [...unfinished, ...ended] : [status];
}

interface List {
  readonly name: string;
  rows: RunRecord[];
  before: string | undefined;
  isOver: boolean;
}

/** Several lists as one, newest first: the keys of runs sort by time. */
class Pages {
  readonly #records: Records;
  readonly #limit: number;
  readonly #lists: readonly List[];

  constructor(records: Records, lists: readonly string[], limit: number, after: string | undefined) {
    this.#records = records;
    this.#limit = limit;
    const before = after && recordKeys.run(after);
    this.#lists = lists.map((name) => ({ name, rows: [], before, isOver: false }));
  }

  async next(): Promise<RunRecord | undefined> {
    for (const list of this.#lists) {
      if (list.rows.length > 0 || list.isOver) continue;
      const rows = await this.#records.list(list.name, this.#limit + 1, list.before);
      list.rows = rows.map(({ value }) => value as RunRecord);
      list.before = rows.at(-1)?.key;
      list.isOver = rows.length <= this.#limit;
    }
    const [newest] = this.#lists
      .filter(({ rows }) => rows.length > 0)
      .sort((a, b) => (a.rows[0]!.runId > b.rows[0]!.runId ? -1 : 1));
    return newest?.rows.shift();
  }
}

function recordOf(request: RunRequest): RunRecord {
  const { facts: _facts, ...about } = request;
  return { ...about, input: request.input, status: 'queued' };
}

export function toRun(record: RunRecord): Run {
  const { runId, flow, version, status, input, output, error, createdAt, endedAt } = record;
  const { startAt, restartOf, restartedAs } = record;
  return {
    ...{ runId, flow, version, status, input, createdAt },
    ...(status === 'succeeded' && { output }),
    ...(error !== undefined && { error: runErrorOf(error) }),
    ...(startAt !== undefined && { startAt }),
    ...(endedAt !== undefined && { endedAt }),
    ...(restartOf !== undefined && { restartOf }),
    ...(restartedAs !== undefined && { restartedAs }),
  };
}

/** What a run is once it has ended like this. */
export function endOf(
  end: { readonly output: unknown } | { readonly failed: KeptError },
  endedAt: number,
): RunChange {
  if ('output' in end) return { status: 'succeeded', output: end.output, endedAt };
  const status = end.failed.code === 'run_cancelled' ? 'cancelled' : 'failed';
  return { status, error: end.failed, endedAt };
}
