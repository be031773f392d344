import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { Secret } from '../../core/secret.ts';
import { createContent, plainContent } from '../../encryption/content.ts';
import { parseKeys } from '../../encryption/keys.ts';
import type { ReadSource, ReadSql } from '../../sqlite/database.ts';
import { type Question, toAnswer } from '../../sqlite/read-threads.ts';
import { asStorageFailure } from '../../sqlite/storage-failure.ts';
import { type ReadingData, type ReadName, reads } from './reads.ts';

/** A thread of `ReadThreads`: it answers what `reads` has, from a connection that can't write. */

const { path, keys } = workerData as ReadingData;
const connection = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
connection.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;');

const statements = new Map<string, StatementSync>();

function statementOf(text: string): StatementSync {
  const statement = statements.get(text) ?? connection.prepare(text);
  statements.set(text, statement);
  return statement;
}

const sql: ReadSql = {
  content: keys === undefined ? plainContent : createContent(parseKeys(new Secret(keys), 'The keys')),
  get: <T>(text: string, ...values: never[]) => statementOf(text).get(...values) as T | undefined,
  all: <T>(text: string, ...values: never[]) => statementOf(text).all(...values) as T[],
};

const source: ReadSource = { read: async (work) => work(sql) };

parentPort!.on('message', async ({ name, argument }: Question) => {
  try {
    const value = await reads[name as ReadName](source, argument as never);
    parentPort!.postMessage({ value });
  } catch (error) {
    parentPort!.postMessage(toAnswer(asStorageFailure(error)));
  }
});
