// Imported before a server of the chaos tests: as soon as the file `DISK_FAILS` is there, no sync succeeds any more.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fdatasync, fdatasyncSync } = fs;

function failure(): Error | undefined {
  if (!fs.existsSync(process.env.DISK_FAILS!)) return undefined;
  return Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
}

fs.fdatasyncSync = (fd) => {
  const error = failure();
  if (error !== undefined) throw error;
  fdatasyncSync(fd);
};
const failingSync = (fd: number, done: (error: Error | null) => void) => {
  const error = failure();
  if (error === undefined) fdatasync(fd, done);
  else setImmediate(done, error);
};
fs.fdatasync = Object.assign(failingSync, { __promisify__: fdatasync.__promisify__ });
syncBuiltinESMExports();
