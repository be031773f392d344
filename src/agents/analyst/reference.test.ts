import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { referenceTables } from './reference.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/analyst.md'), 'utf8');

describe('docs/reference/analyst.md', () => {
  for (const [name, text] of Object.entries(referenceTables())) {
    it(`has the ${name} of the semantic layer, word for word`, () =>
      assert.ok(page.includes(text), `Put this into the page:\n${text}`));
  }
});
