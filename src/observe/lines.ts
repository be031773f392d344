import { LineWriter } from './line-writer.ts';
import type { LogOptions } from './log.ts';
import { readable } from './readable.ts';

/** Where lines go. */
export interface Destination {
  write(line: string): void;
  flushSync?(): void;
}

export function openLines(options: LogOptions): Destination {
  const { write } = options;
  return write === undefined ? new LineWriter(1, { lostLine: lostLine(options) }) : { write };
}

/** Lines that could not be written are told in the format of the others. */
function lostLine({ format }: LogOptions): (count: number, reason: string) => string {
  return (count, reason) => {
    const timestamp = new Date().toISOString();
    const message = `${count} log lines were lost`;
    const line = `${JSON.stringify({ level: 'WARN', timestamp, lost_lines: count, reason, message })}\n`;
    return format === 'json' ? line : readable(line);
  };
}
