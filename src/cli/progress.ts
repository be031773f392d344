import type { Context } from './command.ts';

/** How far a long command is, on a line of the terminal that is written over. */
export interface Progress {
  show(done: number): void;
  /** Takes the line away. */
  end(): void;
}

const barWidth = 30;
const everyMs = 100;

/** What there is to do in all, exactly or nearly. */
export interface Total {
  readonly count: number;
  readonly exact: boolean;
}

/** Without a terminal nothing is shown. */
export function createProgress(context: Context, total: Total): Progress {
  if (context.canOverwrite !== true) return { show: () => {}, end: () => {} };
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

export function lineOf(done: number, { count, exact }: Total): string {
  const told = done.toLocaleString('en-US');
  if (count < done || count === 0) return told;
  const filled = Math.floor((done / count) * barWidth);
  const percent = Math.floor((done / count) * 100);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  return `${bar} ${percent} %  ${told} of ${exact ? '' : 'about '}${count.toLocaleString('en-US')}`;
}
