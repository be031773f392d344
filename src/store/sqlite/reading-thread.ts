import type { ReadSource } from '../../sqlite/database.ts';
import { Statements } from '../../sqlite/statements.ts';
import { asStorageFailure } from '../../sqlite/storage-failure.ts';
import { serveQuestions } from '../../sqlite/threads.ts';
import { type ReadName, reads } from './reads.ts';
import { openInThread } from './threads.ts';

/** A thread that answers what `reads` has, from a connection that can't write. */

const { connection, content } = openInThread({ readOnly: true });
const statements = new Statements(connection, content);
const source: ReadSource = { read: async (work) => work(statements) };

serveQuestions(({ name, argument }) => reads[name as ReadName](source, argument as never), asStorageFailure);
