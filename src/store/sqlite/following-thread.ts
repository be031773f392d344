import { Statements } from '../../sqlite/statements.ts';
import { asStorageFailure } from '../../sqlite/storage-failure.ts';
import { serveQuestions } from '../../sqlite/threads.ts';
import type { Extent } from '../gap.ts';
import { advanceAll } from './projections/following.ts';
import { openInThread } from './threads.ts';

/** The thread of the projections: at each question, which whoever writes the file has lent it the turn for, one piece in one transaction. */

const { connection, content } = openInThread({ readOnly: false });
// As the database has it; the log is moved into the file, and synced, by whoever lends the turn.
connection.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;');
const statements = new Statements(connection, content);

serveQuestions(
  ({ argument }) => {
    connection.exec('BEGIN IMMEDIATE');
    try {
      const piece = advanceAll(statements, argument as Extent);
      connection.exec('COMMIT');
      return piece;
    } finally {
      if (connection.isTransaction) connection.exec('ROLLBACK');
    }
  },
  (error) => asStorageFailure(error, 'Search and statistics could not be written'),
);
