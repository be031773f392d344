import { messageOf, SignalboxError } from '../core/errors.ts';

// The primary result codes of https://www.sqlite.org/rescode.html that speak of the disk and not of the statement.
const storageCodes = new Set([
  5 /* BUSY */, 7 /* NOMEM */, 8 /* READONLY */, 10 /* IOERR */, 11 /* CORRUPT */, 13 /* FULL */,
  14 /* CANTOPEN */, 26 /* NOTADB */,
]);

/** Whether an error of SQLite speaks of the disk and not of the statement. */
export function isStorageFailure(error: unknown): boolean {
  return storageCodes.has(resultCode(error) ?? -1);
}

function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

const damaged =
  'The file is damaged: stop every Signalbox on this folder, keep a copy of it, and put back a backup of the whole folder.';
const advices: Readonly<Record<number, string>> = {
  5: 'Another program holds the file; stop that one. Nothing that was accepted is lost.',
  11: damaged,
  26: damaged,
};
const usualAdvice =
  'Check the free space and the permissions of the data folder; nothing that was accepted is lost.';

/** An error of SQLite that speaks of the disk as what to tell; any other as it is. */
export function asStorageFailure(error: unknown, what = 'The database could not be read'): unknown {
  return isStorageFailure(error) ? storageFailed(what, error) : error;
}

export function storageFailed(what: string, cause: unknown): SignalboxError {
  const advice = advices[resultCode(cause) ?? -1] ?? usualAdvice;
  return new SignalboxError('storage_failed', `${what}: ${messageOf(cause)}. ${advice}`, { cause });
}

export function lostToThisProcess(path: string, cause: unknown): SignalboxError {
  return new SignalboxError(
    'storage_failed',
    `${path} was written, but the disk did not confirm it: ${messageOf(cause)}. Nothing more is written by this process. Check the disk and start again: what was accepted before is there.`,
    { cause },
  );
}
