// Imported before a process of the chaos tests: kills it just before the statement with the number `KILL_AT` that it gives to any of its
// databases, the ones that open them included; with THREAD, that a thread of it gives.
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

const number = Number(process.env.KILL_AT);
let statements = 0;

const isCounted = process.env.THREAD === undefined || !isMainThread;

function count(): void {
  if (!isCounted) return;
  if (++statements === number) process.kill(process.pid, 'SIGKILL');
}

function counted<T, A extends unknown[], R>(method: (this: T, ...values: A) => R) {
  return function (this: T, ...values: A): R {
    count();
    return method.apply(this, values);
  };
}

DatabaseSync.prototype.exec = counted(DatabaseSync.prototype.exec);
StatementSync.prototype.run = counted(StatementSync.prototype.run) as typeof StatementSync.prototype.run;
StatementSync.prototype.get = counted(StatementSync.prototype.get) as typeof StatementSync.prototype.get;
StatementSync.prototype.all = counted(StatementSync.prototype.all) as typeof StatementSync.prototype.all;
