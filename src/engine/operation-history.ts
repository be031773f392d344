import type { Operation, OperationKind, RunError } from './engine.ts';

/** An operation while its journal is read. */
export type OperationDraft = { -readonly [K in keyof Operation]: Operation[K] };

/** The operations of a run, as they come to be while the journal that somebody else keeps of it is read from its beginning. */
export class OperationHistory {
  readonly #operations = new Map<number, OperationDraft>();

  get length(): number {
    return this.#operations.size;
  }

  get latest(): Operation | undefined {
    return [...this.#operations.values()].at(-1);
  }

  at(position: number): OperationDraft | undefined {
    return this.#operations.get(position);
  }

  /** The operation at a position, which begins now unless it has before. */
  begin(kind: OperationKind, name: string, position: number, startedAt: number): OperationDraft {
    const present = this.#operations.get(position);
    if (present !== undefined) return present;
    const operation: OperationDraft = { position, kind, name, status: 'pending', attempts: 0, startedAt };
    this.#operations.set(position, operation);
    return operation;
  }

  /** A request to cancel ends what the run waits for then; runs that it called end themselves. */
  cancelOpen(at: number): void {
    const error: RunError = { code: 'run_cancelled', message: 'The run was cancelled.' };
    for (const operation of this.#operations.values()) {
      if (operation.kind !== 'call') endOperation(operation, at, { error });
    }
  }

  /** In the order of positions. */
  operations(): Operation[] {
    return [...this.#operations.values()].sort((a, b) => a.position - b.position);
  }
}

/** The first end stands. */
export function endOperation(
  operation: OperationDraft,
  endedAt: number,
  how: { readonly result?: unknown; readonly error?: RunError },
): void {
  if (operation.endedAt !== undefined) return;
  delete operation.dueAt;
  delete operation.error;
  Object.assign(operation, { status: how.error === undefined ? 'succeeded' : 'failed', endedAt, ...how });
}
