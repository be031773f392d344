import type { RecordedEvent } from '../../../record/events.ts';
import { addRow, type TallyRow, tally, toRow } from '../../../record/statistics/statistics.ts';
import type { Generation } from '../../generation.ts';
import type { Transaction } from '../database.ts';

export const tallyColumns =
  'period, start, webhook_type, delivered, failed, not_configured, total_ms, least_ms, most_ms, times';

const names = tallyColumns.split(', ') as (keyof TallyRow)[];
const types: Readonly<Partial<Record<keyof TallyRow, string>>> = { webhook_type: 'text', times: 'text' };

const putText = `
  INSERT INTO statistics (generation, ${tallyColumns})
  SELECT $1::integer, * FROM unnest(${names.map((name, at) => `$${at + 2}::${types[name] ?? 'bigint'}[]`).join(', ')})
  ON CONFLICT (generation, period, start, webhook_type) DO UPDATE
  SET ${names
    .slice(3)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`;

const presentText = `
  SELECT ${names.map((name) => `statistics.${name}`).join(', ')} FROM statistics
  JOIN unnest($2::bigint[], $3::bigint[], $4::text[]) AS wanted (period, start, webhook_type)
    USING (period, start, webhook_type)
  WHERE generation = $1`;

/** Adds the completions of these events, each of which is given once. */
export async function addCompletions(
  sql: Transaction,
  { generation }: Generation,
  events: readonly RecordedEvent[],
): Promise<void> {
  const added = tally(events);
  if (added.length === 0) return;
  const keyOf = (period: number, start: number, type: string) => `${period} ${start} ${type}`;
  const present = await sql.all<TallyRow>(presentText, [
    generation,
    added.map((each) => each.periodMs),
    added.map((each) => each.start),
    added.map((each) => each.webhookType),
  ]);
  const rows = new Map(present.map((row) => [keyOf(row.period, row.start, row.webhook_type), row]));
  for (const each of added) {
    const row = rows.get(keyOf(each.periodMs, each.start, each.webhookType));
    if (row !== undefined) addRow(each, row);
  }
  const written = added.map(toRow);
  await sql.run(putText, [generation, ...names.map((name) => written.map((row) => row[name]))]);
}

export async function clearStatistics(sql: Transaction, generation: number, limit: number): Promise<boolean> {
  const text = `DELETE FROM statistics WHERE ctid = ANY (ARRAY
    (SELECT ctid FROM statistics WHERE generation = $1 LIMIT $2))`;
  return (await sql.run(text, [generation, limit])) < limit;
}
