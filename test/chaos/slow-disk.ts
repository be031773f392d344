// Imported before a process of the power tests: a disk that needs some milliseconds for a sync, and notes in the file `synced` how
// much of the log is on it. The log only grows in these tests, so that what a power failure leaves of it is at least that much
// from its beginning. With SABOTAGE=lies it says that all is on disk, and puts nothing there.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const syncMs = 8;
const lies = process.env.SABOTAGE === 'lies';
const note = fs.openSync(join(process.env.FOLDER!, 'synced'), 'w');
const { fdatasync, fdatasyncSync, fstatSync } = fs;

/** In one write of always the same place and length, so that a kill leaves the old size or the new one. */
function noteSize(size: number): void {
  fs.writeSync(note, String(size).padStart(16), 0);
}

function slowSync(fd: number): void {
  const { size } = fstatSync(fd);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, syncMs);
  if (lies) return;
  fdatasyncSync(fd);
  noteSize(size);
}

function slowSyncOnPool(fd: number, done: (error: Error | null) => void): void {
  const { size } = fstatSync(fd);
  const sync = () =>
    fdatasync(fd, (error) => {
      if (error === null) noteSize(size);
      done(error);
    });
  setTimeout(() => (lies ? done(null) : sync()), syncMs);
}

fs.fdatasyncSync = slowSync;
fs.fdatasync = Object.assign(slowSyncOnPool, { __promisify__: fdatasync.__promisify__ });
syncBuiltinESMExports();
