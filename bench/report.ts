import { availableParallelism } from 'node:os';
import type { AcceptResult } from './accept/accept.ts';
import { type ClusterResults, clusterSection, waitingSection } from './cluster/report.ts';
import type { WaitingOnRestate } from './cluster/waiting.ts';
import type { ConversationResult, ConversationResults } from './conversations/conversations.ts';
import type { ContenderResult } from './engine/compare.ts';
import type { PostgresRecordResult } from './record/postgres.ts';
import type { RecordResult } from './record/record.ts';
import { postgresSection, recordSection } from './record/section.ts';
import type { ScaleResult } from './scale/scale.ts';
import { latencyCells, mib, table, whole } from './table.ts';
import type { Timers } from './timers/timers.ts';

export interface Results {
  readonly fsyncMs: number;
  readonly accept?: AcceptResult;
  readonly engine?: readonly ContenderResult[];
  readonly conversations?: ConversationResults;
  readonly timers?: Timers;
  readonly scale?: ScaleResult;
  readonly cluster?: ClusterResults;
  readonly waiting?: WaitingOnRestate;
  readonly record?: RecordResult;
  readonly 'record-postgres'?: PostgresRecordResult;
}

export function report(results: Results): string {
  const { fsyncMs, accept, engine, conversations, timers, scale } = results;
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores, one fsync ${fsyncMs.toFixed(2)} ms`;
  const sections = [
    accept && acceptSection(accept),
    engine && engineSection(engine),
    conversations && conversationSection(conversations),
    timers && timersSection(timers),
    scale && scaleSection(scale),
    results.cluster && clusterSection(results.cluster),
    results.waiting && waitingSection(results.waiting),
    results.record && recordSection(results.record),
    results['record-postgres'] && postgresSection(results['record-postgres']),
  ];
  return [machine, ...sections.filter((section) => section !== undefined)].join('\n\n');
}

function acceptSection({ bare, reference, executing, waiting }: AcceptResult): string {
  const share = (perSecond: number) => `${((perSecond / bare.perSecond) * 100).toFixed(0)} %`;
  const rows = [executing, waiting].map((round, at) => [
    ['POST /webhook, runs execute at once', 'POST /webhook, the agent takes a minute'][at]!,
    whole(round.perSecond),
    share(round.perSecond),
    ...latencyCells(round),
    mib(round.peakMemoryMib),
    round.senderCpu.toFixed(2),
  ]);
  return table(
    'Accept: 64 connections, best of three alternating rounds (goals: 40 % of bare; p99 under 50 ms)',
    [
      ['', 'requests/s', 'of bare', 'p50 ms', 'p99 ms', 'peak MiB', 'sender CPU'],
      [
        'bare node:http, same bytes',
        whole(bare.perSecond),
        '100 %',
        ...latencyCells(bare),
        '',
        bare.senderCpu.toFixed(2),
      ],
      [
        'Fastify, schema, one synced insert',
        whole(reference.perSecond),
        share(reference.perSecond),
        ...latencyCells(reference),
        '',
        reference.senderCpu.toFixed(2),
      ],
      ...rows,
    ],
  ).concat(
    `\nWhile requests came in, ${whole(executing.completedPerSecond)} conversations a second were completed.`,
  );
}

function engineSection(results: readonly ContenderResult[]): string {
  const ours = results[0]!.measured;
  const ratio = (theirs: number, own?: number) => (own === undefined ? '' : `${(own / theirs).toFixed(1)} ×`);
  const rows = results.map(({ name, measured, failure }) =>
    measured === undefined
      ? [name, `not measured: ${failure}`]
      : [
          name,
          whole(measured.at64.perSecond),
          ratio(measured.at64.perSecond, ours?.at64.perSecond),
          whole(measured.at256.perSecond),
          ratio(measured.at256.perSecond, ours?.at256.perSecond),
          measured.alone.latency.p50Ms.toFixed(1),
        ],
  );
  const notes = results.map(({ name, durability }) => `${name}: ${durability}.`);
  return table('Five-step runs a second, best of three alternating rounds (goals: 10 × Restate, 30 × DBOS)', [
    ['', '64 at once', 'we are', '256 at once', 'we are', 'one alone, p50 ms'],
    ...rows,
  ]).concat(`\n${notes.join('\n')}`);
}

function conversationSection({ distinct, repeated, atTenASecond }: ConversationResults): string {
  const row = (name: string, result: ConversationResult) => [
    name,
    result.perSecond.toFixed(0),
    ...latencyCells(result),
    mib(result.peakMemoryMib),
    result.clientCpu.toFixed(2),
  ];
  return table(
    'Conversations, posted to delivered, best of three rounds (goals: 1,000 a second; p50 under 25 ms at ten a second)',
    [
      ['', 'completed/s', 'p50 ms', 'p99 ms', 'peak MiB', 'clients CPU'],
      row('64 senders, distinct questions', distinct),
      row('64 senders, eight questions repeated', repeated),
      row('ten a second, distinct questions', atTenASecond),
    ],
  ).concat('\nA sender waits for the delivery before it asks again; all were found complete on the record.');
}

function timersSection({ quiet, busy }: Timers): string {
  const row = (name: string, { late, runsPerSecond, lastOfAHundredMs }: Timers['quiet']) => [
    ...[name, late.p50Ms.toFixed(0), late.p99Ms.toFixed(0), late.maxMs.toFixed(0)],
    ...[lastOfAHundredMs.toFixed(0), whole(runsPerSecond)],
  ];
  return table('1,000 sleeps: how late their flows go on (goal: within 20 ms under load, and no drift)', [
    ['', 'p50 ms', 'p99 ms', 'most ms', 'last of 100 in a row, ms', 'runs/s meanwhile'],
    row('nothing else', quiet),
    row('64 five-step runs at once', busy),
  ]);
}

function scaleSection({ waiting, lookups, small, large }: ScaleResult): string {
  const memory = (name: string, { rssMib, peakMib, readyMs, wakeMs }: typeof waiting.accepted) => [
    ...[name, mib(rssMib), mib(peakMib), whole(readyMs), wakeMs.toFixed(1)],
  ];
  const row = (name: string, ours: number, later: number, inverse = false) => {
    const ratio = inverse ? ours / later : later / ours;
    return [name, ours.toFixed(2), later.toFixed(2), `${ratio.toFixed(2)} ×`];
  };
  return [
    table('100,000 runs that wait (goals: under 300 MB, ready in under 2,000 ms)', [
      ['', 'RSS MiB', 'peak MiB', 'ready ms', 'wake one, ms'],
      memory('the process that accepted them', waiting.accepted),
      memory('after a restart', waiting.restarted),
    ]),
    table(
      '1,000,000 finished runs and conversations (goal: within 1.5 ×; p99 under 50 ms while retention goes on)',
      [
        ['', 'with 10,000', 'with 1,000,000', ''],
        row('open, ms', small.openMs, large.openMs),
        row('accept, requests/s', small.acceptedPerSecond, large.acceptedPerSecond, true),
        row('accept, p99 ms', small.acceptP99Ms, large.acceptP99Ms),
        ...lookups.map(({ name, smallMs, largeMs }) => row(`${name}, ms`, smallMs, largeMs)),
        row('store: list 50, ms', small.listMs, large.listMs),
        row('store: list 50 of a source from anywhere, ms', small.filteredListMs, large.filteredListMs),
        row('store: look up a conversation and a run, ms', small.lookupMs, large.lookupMs),
        row('store: count by status, ms', small.countsMs, large.countsMs),
        row('accept while a backup is taken, p99 ms', small.backup.acceptP99Ms, large.backup.acceptP99Ms),
        row(
          'accept while retention goes on, p99 ms',
          small.retention.acceptP99Ms,
          large.retention.acceptP99Ms,
        ),
      ],
    ),
    `Retention removed ${whole(large.retention.removed)} runs in ${large.retention.seconds.toFixed(1)} s of full load.`,
  ].join('\n');
}
