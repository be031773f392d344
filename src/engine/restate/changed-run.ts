import type { Operation, OperationKind, RunError } from '../engine.ts';
import { flowChanged, journalLeftOver } from '../flow-changed.ts';
import { keepError, runErrorOf } from '../kept-error.ts';
import { type JournalRow, operationAtCommand } from './journal.ts';
import { parseLabel } from './labels.ts';
import type { InvocationRow } from './runs.ts';

const kinds: Readonly<Record<string, OperationKind>> = {
  Run: 'run',
  Sleep: 'sleep',
  SetState: 'signal',
  GetPromise: 'signal',
  Call: 'call',
  OneWayCall: 'start',
};

/** Both sides of a replay that took another way than the journal, from what Restate says of it. */
export function changedRunError(row: InvocationRow, journal: readonly JournalRow[]): RunError {
  const recorded = operationAtCommand(journal, row.last_failure_related_command_index ?? 0);
  const called = calledOf(row, recorded);
  const error =
    recorded !== undefined && called === undefined
      ? journalLeftOver(row.run_id, recorded)
      : flowChanged(row.run_id, recorded ?? nothing(called), called ?? nothing(recorded));
  return runErrorOf(keepError(error, 'flow_changed'));
}

type Named = Pick<Operation, 'position' | 'kind' | 'name'>;

function calledOf(row: InvocationRow, recorded: Operation | undefined): Named | undefined {
  const type = (row.last_failure_related_command_type ?? '').replace(/^Command: /, '');
  const kind = kinds[type];
  if (kind === undefined) return undefined;
  const name = row.last_failure_related_command_name ?? '';
  const label = parseLabel(name);
  return { kind, position: label?.position ?? recorded?.position ?? 0, name: label?.name ?? name };
}

const nothing = (other: Named | undefined) => ({ position: other?.position ?? 0, kind: 'nothing', name: '' });
