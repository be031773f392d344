import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ErrorCode, errorCatalogue, SignalboxError } from './errors.ts';

test('docs/reference/errors.md lists every code with its status, title and whether trying again helps', () => {
  const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');
  const listed = page.split('\n').filter((line) => line.startsWith('| `'));
  const expected = Object.entries(errorCatalogue).map(
    ([code, { status, retryable, title }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} |`,
  );
  assert.deepEqual(listed, expected);
});

test('codes are snake_case, and an error carries what its code says', () => {
  for (const [code, { status, retryable }] of Object.entries(errorCatalogue)) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    const error = new SignalboxError(code as ErrorCode, 'x');
    assert.deepEqual([error.status, error.retryable], [status, retryable]);
  }
});
