import type { Operation, StampedFact } from '../engine.ts';
import { type KeptError, runErrorOf } from '../kept-error.ts';
import { endOperation, type OperationDraft, OperationHistory } from '../operation-history.ts';
import { type Admin, text } from './admin.ts';
import { fromKeptFailure, type KeptFailure } from './failure.ts';
import { parseLabel } from './labels.ts';
import {
  type AttemptOutcome,
  type RunRequest,
  type RunResult,
  type SignalValue,
  signalOfPromise,
  type WaitState,
} from './messages.ts';

/** A row of `sys_journal`. */
export interface JournalRow {
  readonly id: string;
  readonly index: number;
  readonly entry_json: string;
  readonly appended_at?: string;
}

type Bytes = readonly number[];
type Result = { readonly Success?: Bytes; readonly Failure?: KeptFailure } | 'Void';

interface Entry {
  readonly Command?: {
    readonly Input?: { readonly payload: Bytes };
    readonly Output?: { readonly result: Result };
    readonly Run?: { readonly completion_id: number; readonly name: string };
    readonly Sleep?: { readonly completion_id: number; readonly name: string; readonly wake_up_time: number };
    readonly SetState?: { readonly key: string; readonly value: Bytes };
    readonly GetPromise?: { readonly completion_id: number; readonly key: string };
    readonly Call?: ChildCommand & { readonly result_completion_id: number };
    readonly OneWayCall?: ChildCommand;
  };
  readonly Notification?: {
    readonly Completion?: Readonly<
      Record<string, { readonly completion_id: number; readonly result?: Result }>
    >;
    readonly Signal?: { readonly id: { readonly Index?: number } };
  };
}

interface ChildCommand {
  readonly name: string;
  readonly request: { readonly invocation_target: { readonly Workflow?: { readonly key: string } } };
}

export function journalOf(admin: Admin, invocationId: string): Promise<JournalRow[]> {
  return admin.query(
    `SELECT id, "index", entry_json, appended_at FROM sys_journal WHERE id = ${text(invocationId)} ORDER BY "index"`,
  );
}

/** The requests and the ends of runs, by invocation. */
export async function endsOf(
  admin: Admin,
  invocationIds: readonly string[],
): Promise<Map<string, { request?: RunRequest; result?: RunResult; error?: KeptError }>> {
  const ends = new Map<string, { request?: RunRequest; result?: RunResult; error?: KeptError }>();
  if (invocationIds.length === 0) return ends;
  const rows = await admin.query<JournalRow>(
    `SELECT id, "index", entry_json FROM sys_journal WHERE id IN (${invocationIds.map(text).join(', ')})
     AND entry_type IN ('Command: Input', 'Command: Output')`,
  );
  for (const row of rows) {
    const { Command: command } = JSON.parse(row.entry_json) as Entry;
    const end = ends.get(row.id) ?? {};
    ends.set(row.id, end);
    if (command?.Input !== undefined) end.request = parse(command.Input.payload);
    const result = command?.Output?.result;
    if (result === undefined || result === 'Void') continue;
    if (result.Success !== undefined) end.result = parse(result.Success);
    if (result.Failure !== undefined) end.error = fromKeptFailure(result.Failure);
  }
  return ends;
}

/** The operations of a run, from its journal in Restate. */
export function operationsOf(rows: readonly JournalRow[]): Operation[] {
  const reading = new Reading();
  for (const row of rows) reading.read(JSON.parse(row.entry_json) as Entry, timeOf(row));
  return reading.history.operations();
}

/** The facts of a run, as its journal has them: also those that no attempt came to write. */
export function factsOf(rows: readonly JournalRow[]): StampedFact[] {
  return rows.flatMap((row) => {
    const { Command: command, Notification: notification } = JSON.parse(row.entry_json) as Entry;
    if (command?.Input !== undefined) return parse<RunRequest>(command.Input.payload).facts;
    const outcome = successOf(notification?.Completion?.Run?.result);
    return outcome.length === 0 ? [] : (parse<AttemptOutcome>(outcome).facts ?? []);
  });
}

/** The operation that begins at a command of the journal, or after it; commands are counted from 0, the input included. */
export function operationAtCommand(rows: readonly JournalRow[], commandIndex: number): Operation | undefined {
  const commands = rows.filter((row) => (JSON.parse(row.entry_json) as Entry).Command !== undefined);
  const reading = new Reading();
  for (const [index, row] of commands.entries()) {
    const before = reading.history.length;
    reading.read(JSON.parse(row.entry_json) as Entry, timeOf(row));
    // An operation may begin with an entry that has no operation's name.
    if (index >= commandIndex && reading.history.length > before) return reading.history.latest;
  }
  return undefined;
}

/** Reads a journal from its beginning: commands begin operations, notifications end what waits under their number. */
class Reading {
  readonly history = new OperationHistory();
  /** The wait that the next durable promise is for: promises have no name but their key. */
  #wait: WaitState | undefined;
  readonly #waiting = new Map<number, (result: Result | undefined, at: number) => void>();

  read(entry: Entry, at: number): void {
    const { Command: command, Notification: notification } = entry;
    if (command?.Run !== undefined) this.#run(command.Run, at);
    else if (command?.Sleep !== undefined) this.#sleep(command.Sleep, at);
    else if (command?.SetState !== undefined) this.#wait = parse<WaitState>(command.SetState.value);
    else if (command?.GetPromise !== undefined) this.#signal(command.GetPromise, at);
    else if (command?.Call !== undefined) this.#call(command.Call, at);
    else if (command?.OneWayCall !== undefined) this.#start(command.OneWayCall, at);
    for (const { completion_id: id, result } of Object.values(notification?.Completion ?? {})) {
      this.#waiting.get(id)?.(result, at);
    }
    if (notification?.Signal?.id.Index === 1) this.history.cancelOpen(at);
  }

  #run(command: { completion_id: number; name: string }, at: number): void {
    const label = parseLabel(command.name);
    if (label === undefined) return;
    const operation = this.history.begin('run', label.name, label.position, at);
    operation.attempts += 1;
    delete operation.dueAt;
    this.#waiting.set(command.completion_id, (result, endedAt) => {
      const { value, error, delayMs } = parse<AttemptOutcome>(successOf(result));
      if (delayMs !== undefined) Object.assign(operation, { status: 'retrying', error: runErrorOf(error!) });
      else
        endOperation(
          operation,
          endedAt,
          error === undefined ? { result: value } : { error: runErrorOf(error) },
        );
    });
  }

  #sleep(command: { completion_id: number; name: string; wake_up_time: number }, at: number): void {
    const label = parseLabel(command.name);
    if (label === undefined) return;
    const { position, name, part } = label;
    const operation =
      part === undefined ? this.history.begin('sleep', name, position, at) : this.history.at(position);
    if (operation === undefined) return;
    operation.dueAt = command.wake_up_time;
    if (part === undefined) {
      this.#waiting.set(command.completion_id, (_, endedAt) => endOperation(operation, endedAt, {}));
    }
  }

  #signal(command: { completion_id: number; key: string }, at: number): void {
    const signal = signalOfPromise(command.key);
    if (signal === undefined || this.#wait === undefined) return;
    const operation = this.history.begin('signal', signal.name, this.#wait.position, at);
    this.#waiting.set(command.completion_id, (result, endedAt) => {
      const value = parse<SignalValue>(successOf(result));
      const received = 'closed' in value ? { timedOut: true } : { timedOut: false, payload: value.payload };
      endOperation(operation, endedAt, { result: received });
    });
  }

  #call(command: ChildCommand & { result_completion_id: number }, at: number): void {
    const operation = this.#child('call', command, at);
    if (operation === undefined) return;
    this.#waiting.set(command.result_completion_id, (result, endedAt) => {
      if (result !== 'Void' && result?.Failure !== undefined) {
        endOperation(operation, endedAt, { error: runErrorOf(fromKeptFailure(result.Failure)) });
      } else endOperation(operation, endedAt, { result: parse<RunResult>(successOf(result)).output });
    });
  }

  #start(command: ChildCommand, at: number): void {
    const operation = this.#child('start', command, at);
    if (operation !== undefined) endOperation(operation, at, { result: operation.childRunId });
  }

  #child(kind: 'call' | 'start', command: ChildCommand, at: number): OperationDraft | undefined {
    const label = parseLabel(command.name);
    if (label === undefined) return undefined;
    const operation = this.history.begin(kind, label.name, label.position, at);
    operation.childRunId = command.request.invocation_target.Workflow?.key ?? '';
    return operation;
  }
}

const timeOf = (row: JournalRow): number => Date.parse(row.appended_at ?? '') || 0;

function successOf(result: Result | undefined): Bytes {
  return result !== undefined && result !== 'Void' ? (result.Success ?? []) : [];
}

const parse = <T>(bytes: Bytes): T => JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
