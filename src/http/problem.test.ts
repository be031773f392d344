import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignalboxError } from '../core/errors.ts';
import { asStorageFailure, storageFailed } from '../sqlite/storage-failure.ts';
import { problemOf } from './problem.ts';

test('the title of what the disk refuses fits a read as it fits a write', () => {
  const ioError = Object.assign(new Error('disk I/O error'), { errcode: 266 });
  const problems = [asStorageFailure(ioError), storageFailed('The data could not be written', ioError)].map(
    (error) => problemOf(error as SignalboxError),
  );
  for (const { title, status, detail } of problems) {
    assert.deepEqual([title, status], ['The data could not be read or written', 503]);
    assert.match(detail, /^The data(base)? could not be (read|written): disk I\/O error\. Check/);
  }
});
