import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Latencies } from './latency.ts';
import { removeFolder, temporaryFolder } from './process/processes.ts';

/** What one fsync after 4 KiB takes where the temporary folders are: the floor of everything durable. */
export function measureFsyncMs(): number {
  const folder = temporaryFolder('fsync');
  const file = openSync(join(folder, 'file'), 'w');
  const latencies = new Latencies();
  const page = Buffer.alloc(4_096, 1);
  for (let at = 0; at < 200; at++) {
    const begunAt = performance.now();
    writeSync(file, page);
    fsyncSync(file);
    latencies.add(performance.now() - begunAt);
  }
  closeSync(file);
  removeFolder(folder);
  return latencies.summary().p50Ms;
}
