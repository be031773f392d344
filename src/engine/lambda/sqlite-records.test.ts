import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordsContract } from '../contract/records.ts';
import { SqliteRecords } from './sqlite-records.ts';

recordsContract('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-records-'));
  const [records, beside] = [0, 1].map(() => new SqliteRecords(join(folder, 'records.sqlite')));
  const close = () => {
    records!.close();
    beside!.close();
    rmSync(folder, { recursive: true });
  };
  return { records: records!, beside: beside!, close };
});
