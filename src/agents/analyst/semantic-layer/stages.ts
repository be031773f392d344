import type { DealStatus } from './populations.ts';

/**
 * Won, lost and open are decided from the stage's text, whatever the CRM calls its stages:
 *
 * - lost: it has the word lost, or is one of dead, disqualified, abandoned, rejected, cancelled, not won, no decision;
 * - won: it has the word won (Won, Closed Won, closed-won, 6 – Won);
 * - open: everything else, a missing stage included.
 *
 * Case, punctuation and underscores do not matter.
 */
export function statusOfStage(stage: string): Exclude<DealStatus, 'closed'> {
  const words = ` ${stage
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `.replace(/ closed(won|lost) /, ' closed $1 ');
  if (lostWords.test(words)) return 'lost';
  return / won /.test(words) ? 'won' : 'open';
}

const lostWords = / (?:lost|dead|disqualified|abandoned|rejected|cancell?ed|not won|no decision) /;

/** Finds every stage that may be won or lost; `statusOfStage` decides. */
export const closedStageCandidates = [
  'won',
  'lost',
  'dead',
  'disqualified',
  'abandoned',
  'rejected',
  'cancel',
  'no decision',
];

/** A lead is converted when its status has the word converted. */
export function isConverted(status: string): boolean {
  return /\bconverted\b/i.test(status) && !/\b(?:not|un)[ -]?converted\b/i.test(status);
}
