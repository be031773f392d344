import { SignalboxError } from '../core/errors.ts';

interface OperationName {
  readonly position: number;
  readonly kind: string;
  readonly name: string;
}

const advice =
  'Register the code that began this run again (as the version that the run keeps), then resume it; or terminate it.';

/** The journal has one operation at a position, the code calls another. */
export function flowChanged(runId: string, recorded: OperationName, called: OperationName): SignalboxError {
  return new SignalboxError(
    'flow_changed',
    `Run ${runId}: at position ${recorded.position} the journal has ${shown(recorded)}, the code calls ${shown(called)}. ${advice}`,
    { details: { position: recorded.position, recorded: brief(recorded), called: brief(called) } },
  );
}

/** The journal has an operation that the code did not call. */
export function journalLeftOver(runId: string, recorded: OperationName): SignalboxError {
  return new SignalboxError(
    'flow_changed',
    `Run ${runId}: at position ${recorded.position} the journal has ${shown(recorded)}, the code calls nothing there. ${advice}`,
    { details: { position: recorded.position, recorded: brief(recorded), called: null } },
  );
}

function shown(operation: OperationName): string {
  return `${operation.kind} "${operation.name}"`;
}

function brief(operation: OperationName): { kind: string; name: string } {
  return { kind: operation.kind, name: operation.name };
}
