import { openValue } from '../../encryption/sealed-table.ts';
import { auditSubject } from '../../record/acts.ts';
import type { Database, Sql } from '../../sqlite/database.ts';
import { type ActRow, type Audit, actPage, actPageSize, actsBefore } from '../audit.ts';
import { eventContent } from '../content.ts';

interface Row extends Omit<ActRow, 'data' | 'ended'> {
  readonly data: string;
  readonly ended: string | null;
}

const pageText = `
  SELECT begun.sequence, begun.id, begun.at, begun.data, ended.at AS ended_at, ended.data AS ended
  FROM events AS begun LEFT JOIN events AS ended
    ON ended.tracking_id = '${auditSubject}' AND ended.id = begun.id || '/end'
  WHERE begun.type = 'OPERATOR_ACT' AND begun.sequence < ?
  ORDER BY begun.sequence DESC LIMIT ?`;

export function createAudit(database: Database): Audit {
  return {
    async acts({ after, limit = actPageSize } = {}) {
      const before = actsBefore(after);
      const rows = await database.read((sql) => sql.all<Row>(pageText, before, limit + 1));
      return actPage(
        rows.map((row) => ({
          ...row,
          data: JSON.parse(opened(database, row.data, row.id)),
          ended:
            row.ended === null ? null : withoutId(JSON.parse(opened(database, row.ended, `${row.id}/end`))),
        })),
        limit,
      );
    },
  };
}

const opened = (sql: Sql, data: string, id: string): string =>
  openValue(sql.content, eventContent, 'data', data, auditSubject, id);

const withoutId = ({ actId, ...end }: { actId: string } & NonNullable<ActRow['ended']>) => end;
