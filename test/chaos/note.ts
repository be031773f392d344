import { appendFileSync } from 'node:fs';

/**
 * Adds a line to a file, whole or not at all, also when the process is killed in the middle: 64 bytes each never cross a page, and
 * the system is interrupted by a kill only between pages.
 */
export function noteLine(path: string, line: string): void {
  if (line.length > 63) throw new Error(`${line} is too long for a line.`);
  appendFileSync(path, `${line.padEnd(63)}\n`);
}

/** The lines of such a file, each as its words. */
export function notedLines(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(' '));
}
