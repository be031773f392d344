import { table } from '../table.ts';
import type { PostgresRecordResult } from './postgres.ts';
import type { ReadingResult } from './reading.ts';
import type { RecordResult } from './record.ts';

const ms = (value: number) => value.toFixed(1);
const whole = (value: number) => Math.round(value).toLocaleString('en');

export function recordSection(result: RecordResult): string {
  const { count, recordBytes, projectionBytes } = result;
  return [
    readingTable('', count, result),
    `A conversation takes ${whole(recordBytes / count)} bytes on disk (log and list), and ${whole(projectionBytes / count)} for search and statistics.`,
    `To follow all of it takes ${whole(result.followSeconds)} s without rest, ${ms(result.longestPieceMs)} ms the longest piece; to look through the conversations anew ${whole(result.rebuildConversationsSeconds)} s.`,
    `When the load ended, search was ${whole(result.behind)} events behind. Peak memory ${whole(result.peakMemoryMib)} MiB.`,
  ].join('\n');
}

export function postgresSection(result: PostgresRecordResult): string {
  const { count, recordBytes, projectionBytes } = result;
  return [
    readingTable(' in PostgreSQL', count, result),
    `A conversation takes ${whole(recordBytes / count)} bytes on disk, and ${whole(projectionBytes / count)} for search and statistics.`,
    `To write a whole one takes ${ms(result.writeMs)} ms (${ms(result.writeCpuMs)} of them processor time of the process), and to follow it for search and statistics ${ms(result.followMs)} ms (${ms(result.followCpuMs)}), ${ms(result.longestPieceMs)} ms the longest piece.`,
    `When the load ended, search was ${whole(result.behind)} events behind.`,
  ].join('\n');
}

function readingTable(where: string, count: number, result: ReadingResult): string {
  const { alone, accept, acceptedPerSecond, reads } = result;
  const row = (name: string, of: ReadingResult['accept']) => [
    name,
    ...[of.p50Ms, of.p95Ms, of.p99Ms, of.maxMs].map(ms),
  ];
  return table(
    `${whole(count)} conversations${where}, read while ${whole(acceptedPerSecond)} a second are accepted (goal: p95 under 100 ms)`,
    [
      ['', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms'],
      row('accepting, nothing is read', alone),
      row('accepting, beside these', accept),
      ...reads.map(({ name, latency }) => row(name, latency)),
    ],
  );
}
