import type { Json } from '../../core/json.ts';
import { auditSubject } from '../../record/acts.ts';
import { type ActRow, type Audit, actPage, actPageSize, actsBefore } from '../audit.ts';
import { eventContent } from '../content.ts';
import type { PostgresDatabase } from './database.ts';
import { openParsed } from './rows.ts';

const pageText = `
  SELECT begun.sequence, begun.id, begun.at, begun.data, ended.at AS ended_at, ended.data AS ended
  FROM events AS begun LEFT JOIN events AS ended
    ON ended.tracking_id = '${auditSubject}' AND ended.id = begun.id || '/end'
  WHERE begun.type = 'OPERATOR_ACT' AND begun.sequence < $1
  ORDER BY begun.sequence DESC LIMIT $2`;

export function createAudit(database: PostgresDatabase): Audit {
  return {
    async acts({ after, limit = actPageSize } = {}) {
      const before = actsBefore(after);
      const rows = await database.read((sql) => sql.all<ActRow>(pageText, [before, limit + 1]));
      return actPage(
        rows.map((row) => ({
          ...row,
          data: opened(database, row.data, row.id),
          ended: row.ended === null ? null : withoutId(opened(database, row.ended, `${row.id}/end`)),
        })),
        limit,
      );
    },
  };
}

const opened = <T>({ content }: PostgresDatabase, data: T, id: string): T =>
  openParsed({ content }, eventContent, 'data', data as Json, auditSubject, id) as T;

function withoutId(ended: NonNullable<ActRow['ended']>): NonNullable<ActRow['ended']> {
  const { outcome, status, code } = ended;
  return { outcome, status, code };
}
