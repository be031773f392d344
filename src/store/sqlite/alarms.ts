import type { JsonObject } from '../../core/json.ts';
import type { Database } from '../../sqlite/database.ts';
import { type AlarmRecords, type Endings, endingLimit, type Oldest } from '../alarms.ts';

interface AlarmRow {
  readonly name: string;
  readonly revision: number;
  readonly state: string;
}

const endingsText = `
  SELECT count(*) AS total, coalesce(sum(status IN ('failed', 'delivery_failed')), 0) AS failed
  FROM (SELECT status FROM conversations WHERE completed_at BETWEEN ? AND ? ORDER BY completed_at DESC LIMIT ${endingLimit})`;

const latestFailedText = `
  SELECT tracking_id FROM conversations
  WHERE completed_at BETWEEN ? AND ? AND status IN ('failed', 'delivery_failed') ORDER BY completed_at DESC LIMIT 1`;

const oldestText = `
  SELECT tracking_id AS trackingId, received_at AS at FROM conversations WHERE status = ? ORDER BY received_at LIMIT 1`;

export function createAlarmRecords(database: Database): AlarmRecords {
  return {
    alarms: () =>
      database.read((sql) =>
        sql
          .all<AlarmRow>('SELECT name, revision, state FROM alarms ORDER BY name')
          .map((row) => ({ ...row, state: JSON.parse(row.state) as JsonObject })),
      ),

    putAlarm: (name, revision, state) =>
      database.write((sql) => {
        const text = JSON.stringify(state);
        const written =
          revision === 0
            ? sql.run('INSERT INTO alarms VALUES (?, 1, ?) ON CONFLICT DO NOTHING', name, text)
            : sql.run(
                'UPDATE alarms SET revision = revision + 1, state = ? WHERE name = ? AND revision = ?',
                ...[text, name, revision],
              );
        return written.changes === 1;
      }),

    endings: (since, until) =>
      database.read((sql) => {
        const counts = sql.get<Omit<Endings, 'latestFailed'>>(endingsText, since, until)!;
        // Only when there is one, so that none is looked for in vain.
        const latest =
          counts.failed > 0 ? sql.get<{ tracking_id: string }>(latestFailedText, since, until) : undefined;
        return { ...counts, latestFailed: latest?.tracking_id ?? null };
      }),

    oldest: (status) =>
      database.read((sql) => {
        const found = sql.get<Oldest>(oldestText, status);
        return found && { ...found };
      }),

    floods: (since) =>
      database.read((sql) => {
        const text =
          "SELECT count(*) AS count FROM events WHERE type = 'INBOUND_REQUESTS_REFUSED' AND at >= ?";
        return sql.get<{ count: number }>(text, since)!.count;
      }),
  };
}
