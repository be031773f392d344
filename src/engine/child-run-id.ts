import { createHash } from 'node:crypto';
import { formatUuid } from '../core/ids.ts';

/** The id of the run that an operation starts: a UUID of version 7 that is the same at every replay. */
export function childRunId(runId: string, position: number, now: number): string {
  const bytes = createHash('sha256').update(`${runId}/${position}`).digest().subarray(0, 16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}
