import type { JsonObject } from '../../core/json.ts';
import type { Database } from '../../sqlite/database.ts';
import { type AlarmRecords, endingLimit } from '../alarms.ts';

interface AlarmRow {
  readonly name: string;
  readonly revision: number;
  readonly state: string;
}

const endingsText = `
  SELECT count(*) AS total, coalesce(sum(status IN ('failed', 'delivery_failed')), 0) AS failed
  FROM (SELECT status FROM conversations WHERE completed_at >= ? ORDER BY completed_at DESC LIMIT ${endingLimit})`;

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

    endings: (since) =>
      database.read((sql) => ({ ...sql.get<{ total: number; failed: number }>(endingsText, since)! })),

    oldest: (status) =>
      database.read((sql) => {
        const text = 'SELECT min(received_at) AS at FROM conversations WHERE status = ?';
        return sql.get<{ at: number | null }>(text, status)?.at ?? undefined;
      }),

    floods: (since) =>
      database.read((sql) => {
        const text =
          "SELECT count(*) AS count FROM events WHERE type = 'INBOUND_REQUESTS_REFUSED' AND at >= ?";
        return sql.get<{ count: number }>(text, since)!.count;
      }),
  };
}
