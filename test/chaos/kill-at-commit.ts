// Imported before a process of the chaos tests: kills it at one commit of its database, just before it or just after it
// (when it is in the log, and neither synced nor told to anybody). `KILL_AT` is `<number>:before` or `<number>:after`.
import { StatementSync } from 'node:sqlite';

const [number, side] = (process.env.KILL_AT ?? '').split(':');
const run = StatementSync.prototype.run;
let commits = 0;

StatementSync.prototype.run = function (this: StatementSync, ...values: Parameters<typeof run>) {
  if (this.sourceSQL !== 'COMMIT' || ++commits !== Number(number)) return run.apply(this, values);
  if (side === 'after') run.apply(this, values);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('The process should be gone.');
} as typeof run;
