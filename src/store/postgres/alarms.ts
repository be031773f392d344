import type { JsonObject } from '../../core/json.ts';
import { type AlarmRecords, type Endings, endingLimit, type Oldest } from '../alarms.ts';
import type { PostgresDatabase } from './database.ts';

interface AlarmRow {
  readonly name: string;
  readonly revision: number;
  readonly state: JsonObject;
}

const endingsText = `
  SELECT count(*) AS total, count(*) FILTER (WHERE status IN ('failed', 'delivery_failed')) AS failed
  FROM (SELECT status FROM conversations WHERE completed_at BETWEEN $1 AND $2 ORDER BY completed_at DESC LIMIT ${endingLimit}) AS latest`;

const latestFailedText = `
  SELECT tracking_id FROM conversations
  WHERE completed_at BETWEEN $1 AND $2 AND status IN ('failed', 'delivery_failed') ORDER BY completed_at DESC LIMIT 1`;

const oldestText = `
  SELECT tracking_id AS "trackingId", received_at AS at FROM conversations WHERE status = $1
  ORDER BY received_at LIMIT 1`;

/** Whoever does it twice, because nobody knows whether the first COMMIT arrived, finds what it wrote. */
const isThere = 'alarm.revision = $2::bigint + 1 AND alarm.state::text = $3::text';

const firstText = `
  INSERT INTO alarms AS alarm (name, revision, state) VALUES ($1, $2::bigint + 1, $3::text::json)
  ON CONFLICT (name) DO UPDATE SET revision = alarm.revision WHERE ${isThere}`;

const nextText = `
  UPDATE alarms AS alarm SET revision = $2::bigint + 1, state = $3::text::json
  WHERE name = $1 AND (revision = $2::bigint OR (${isThere}))`;

export function createAlarmRecords(database: PostgresDatabase): AlarmRecords {
  return {
    alarms: () =>
      database.read((sql) =>
        sql.all<AlarmRow>('SELECT name, revision, state FROM alarms ORDER BY name COLLATE "C"'),
      ),

    putAlarm: (name, revision, state) =>
      database.write(async (sql) => {
        const values = [name, revision, JSON.stringify(state)];
        return (await sql.run(revision === 0 ? firstText : nextText, values)) > 0;
      }),

    endings: (since, until) =>
      database.read(async (sql) => {
        const [counts] = await sql.all<Omit<Endings, 'latestFailed'>>(endingsText, [since, until]);
        // Only when there is one, so that none is looked for in vain.
        const [latest] =
          counts!.failed > 0 ? await sql.all<{ tracking_id: string }>(latestFailedText, [since, until]) : [];
        return { ...counts!, latestFailed: latest?.tracking_id ?? null };
      }),

    oldest: (status) =>
      database.read(async (sql) => {
        const [found] = await sql.all<Oldest>(oldestText, [status]);
        return found;
      }),

    floods: (since) =>
      database.read(async (sql) => {
        const text =
          "SELECT count(*) AS count FROM events WHERE type = 'INBOUND_REQUESTS_REFUSED' AND at >= $1";
        const [row] = await sql.all<{ count: number }>(text, [since]);
        return row!.count;
      }),
  };
}
