import type { Context } from './command.ts';

/** How far a long command is, on a line of the terminal that is written over. */
export interface Progress {
  show(done: number): void;
  /** Takes the line away. */
  end(): void;
}

const barWidth = 30;
const everyMs = 100;

/** Without a terminal nothing is shown; without a total there is a count and no bar. */
export function createProgress(context: Context, total: number | undefined): Progress {
  if (!context.colours) return { show: () => {}, end: () => {} };
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    show(done) {
      if (performance.now() - shownAt < everyMs) return;
      shownAt = performance.now();
      context.writeError(`\r\x1b[2K${lineOf(done, total).slice(0, context.columns - 1)}`);
    },
    end: () => context.writeError('\r\x1b[2K'),
  };
}

export function lineOf(done: number, total: number | undefined): string {
  const count = done.toLocaleString('en-US');
  if (total === undefined || total < done || total === 0) return count;
  const filled = Math.floor((done / total) * barWidth);
  const percent = Math.floor((done / total) * 100);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  return `${bar} ${percent} %  ${count} of ${total.toLocaleString('en-US')}`;
}
