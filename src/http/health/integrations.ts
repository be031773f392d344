import type { HealthProbe, Sight } from './parts.ts';

/** What this process depends on elsewhere, besides what it keeps. Each is absent where nothing is configured. */
export interface Integrations {
  /** Issuers of tokens, as far as their keys are known. */
  readonly issuers?: () => Promise<readonly IssuerSight[]>;
  /** The latest notification of each place where people are told. */
  readonly notifications?: () => readonly PlaceSight[];
  /** What the collector of spans said when it did not take the latest. */
  readonly collectorProblem?: () => string | undefined;
}

export interface IssuerSight {
  readonly issuer: string;
  /** Why its keys could not be fetched the last time. */
  readonly problem?: string | undefined;
  /** Whether tokens of it can be verified, with keys that were fetched before. */
  readonly isUsable: boolean;
}

export interface PlaceSight {
  readonly place: string;
  /** How many of the latest tries failed one after the other. */
  readonly failuresInARow: number;
  readonly lastError?: string | undefined;
}

/** None of them takes anything down: what they are for waits, or goes on without them. */
export function integrationProbes({ issuers, notifications, collectorProblem }: Integrations): HealthProbe[] {
  const probe = (name: string, look: HealthProbe['look']) => ({ name, essential: false, look });
  return [
    ...(issuers ? [probe('identity', async () => ofIssuers(await issuers()))] : []),
    ...(notifications ? [probe('notifications', async () => ofPlaces(notifications()))] : []),
    ...(collectorProblem ? [probe('traces', async () => ofCollector(collectorProblem()))] : []),
  ];
}

/** Down when the tokens of one can't be verified at all. */
function ofIssuers(issuers: readonly IssuerSight[]): Sight {
  const away = issuers.filter(({ problem }) => problem !== undefined);
  if (away.length === 0)
    return { status: 'HEALTHY', detail: `Keys are known of ${count(issuers, 'issuer')}.` };
  const detail = away.map(({ problem }) => problem).join(' ');
  return away.every(({ isUsable }) => isUsable)
    ? { status: 'DEGRADED', detail: `${detail} Keys that were fetched before still serve.` }
    : { status: 'DOWN', detail };
}

/** One that failed may be tried again with success: three in a row are no accident. */
const failuresAtMost = 2;

function ofPlaces(places: readonly PlaceSight[]): Sight {
  const failing = places.filter(({ failuresInARow }) => failuresInARow > failuresAtMost);
  if (failing.length === 0) {
    return { status: 'HEALTHY', detail: `${count(places, 'place')} to tell people; none fails.` };
  }
  const seen = failing.map(
    ({ place, failuresInARow, lastError }) => `${place} ${failuresInARow} times (${lastError})`,
  );
  return { status: 'DEGRADED', detail: `Notifications failed one after the other: ${seen.join(', ')}` };
}

function ofCollector(problem: string | undefined): Sight {
  if (problem === undefined) return { status: 'HEALTHY', detail: 'The latest spans were taken.' };
  return { status: 'DEGRADED', detail: `The latest spans were not taken: ${problem}` };
}

const count = (items: readonly unknown[], name: string): string =>
  `${items.length} ${name}${items.length === 1 ? '' : 's'}`;
