import { latencyCells, mib, table, whole } from '../table.ts';
import type { PriceResult } from './price.ts';
import type { WaitingOnRestate } from './waiting.ts';
import type { WorkersResult } from './workers.ts';

export interface ClusterResults {
  readonly price: readonly PriceResult[];
  readonly workers: readonly WorkersResult[];
}

export function clusterSection({ price, workers }: ClusterResults): string {
  return [
    table('Five-step runs on one node of Restate, best of three alternating rounds', [
      ['', '64 at once, runs/s', 'of bare', 'p50 ms', 'p99 ms', 'one alone, p50 ms', 'of bare'],
      ...price.map((result, at) => priceRow(result, price[at - (at % 2)]!)),
    ]),
    'Without an answer: until the fifth step executes, in a process that starts and executes. With it: until the caller has the output.',
    table(
      'Conversations on one node of Restate and PostgreSQL, one gateway, 64 senders, best of three rounds',
      [
        ['', 'completed/s', 'of one', 'p50 ms', 'p99 ms', 'ten a second, p50 ms', 'p99 ms'],
        ...workers.map((result) => workersRow(result, workers[0]!)),
      ],
    ),
  ].join('\n');
}

function priceRow({ party, alone, at64 }: PriceResult, bare: PriceResult) {
  return [
    party,
    whole(at64.perSecond),
    percent(at64.perSecond / bare.at64.perSecond),
    ...latencyCells(at64),
    alone.latency.p50Ms.toFixed(1),
    percent(alone.latency.p50Ms / bare.alone.latency.p50Ms),
  ];
}

function workersRow({ workers, full, atTenASecond }: WorkersResult, one: WorkersResult) {
  return [
    `${workers} worker${workers === 1 ? '' : 's'}`,
    full.perSecond.toFixed(0),
    `${(full.perSecond / one.full.perSecond).toFixed(2)} ×`,
    ...latencyCells(full),
    ...latencyCells(atTenASecond),
  ];
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

export function waitingSection(result: WaitingOnRestate): string {
  const row = (name: string, latency: WaitingOnRestate['before']) => [
    ...[name, String(latency.count), ...latencyCells({ latency }), latency.maxMs.toFixed(1)],
  ];
  const { count, before, meanwhile, withThem, woken, secondsUntilAllWait, workerPeakMib, serverPeakMib } =
    result;
  return table(
    `${whole(count)} runs that wait on one node of Restate (goal: p99 of a new run under 500 ms)`,
    [
      ['', 'times', 'p50 ms', 'p99 ms', 'most ms'],
      row('a new one-step run before', before),
      row('while they are accepted by 128 senders', meanwhile),
      row('while they wait', withThem),
      row('from a signal to the end of one of them', woken),
    ],
  ).concat(
    `\nAll waited ${secondsUntilAllWait.toFixed(0)} s after the first start. At most the worker had ${mib(workerPeakMib)} MiB, Restate ${mib(serverPeakMib)} MiB.`,
  );
}
