import { auditSubject } from '../../record/acts.ts';
import { type ActRow, type Audit, actPage, actPageSize, actsBefore } from '../audit.ts';
import type { PostgresDatabase } from './database.ts';

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
        rows.map((row) => ({ ...row, ended: row.ended === null ? null : withoutId(row.ended) })),
        limit,
      );
    },
  };
}

function withoutId(ended: NonNullable<ActRow['ended']>): NonNullable<ActRow['ended']> {
  const { outcome, status, code } = ended;
  return { outcome, status, code };
}
