import assert from 'node:assert/strict';
import { test } from 'node:test';
import { safeUrl } from './safe-url.ts';

test('credentials, query and fragment are left out', () => {
  assert.equal(
    safeUrl('https://user:secret@example.com:8443/hook?token=secret#secret'),
    'https://example.com:8443/hook',
  );
  assert.equal(safeUrl('secret'), '[not a URL]');
});
