import type { Operation } from '../engine/engine.ts';
import type { AppPorts } from './ports.ts';

export interface Pace {
  readonly p99Ms: number;
  readonly isSlow: boolean;
}

/**
 * Whether a step took longer than 99 of 100 of its kind; undefined for what is no step, while it goes on, and where too few are known in
 * this process. What was tried again waited in between.
 */
export function paceOf(
  flow: string,
  { kind, name, attempts, startedAt, endedAt }: Operation,
  times: AppPorts['stepTimes'],
): Pace | undefined {
  if (kind !== 'run' || attempts > 1 || endedAt === undefined) return undefined;
  const p99Ms = times?.p99Ms(flow, name);
  return p99Ms === undefined ? undefined : { p99Ms, isSlow: endedAt - startedAt > p99Ms };
}
