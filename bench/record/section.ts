import { table } from '../table.ts';
import type { RecordResult } from './record.ts';

export function recordSection(result: RecordResult): string {
  const { count, recordBytes, projectionBytes, accept, reads } = result;
  const ms = (value: number) => value.toFixed(1);
  const row = (name: string, of: RecordResult['accept']) => [
    name,
    ms(of.p50Ms),
    ms(of.p95Ms),
    ms(of.p99Ms),
    ms(of.maxMs),
  ];
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  return [
    table(
      `${whole(count)} conversations, read while ${whole(result.acceptedPerSecond)} a second are accepted (goal: p95 under 100 ms)`,
      [
        ['', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms'],
        row('POST /webhook', accept),
        ...reads.map(({ name, latency }) => row(name, latency)),
      ],
    ),
    `A conversation takes ${whole(recordBytes / count)} bytes on disk (log and list), and ${whole(projectionBytes / count)} for search and statistics.`,
    `To follow all of it takes ${whole(result.followSeconds)} s without rest, ${ms(result.longestPieceMs)} ms the longest piece; to look through the conversations anew ${whole(result.rebuildConversationsSeconds)} s.`,
    `When the load ended, search was ${whole(result.behind)} events behind. Peak memory ${whole(result.peakMemoryMib)} MiB.`,
  ].join('\n');
}
