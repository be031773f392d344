import { mkdirSync, writeFileSync } from 'node:fs';
import { exportSchemas } from '../src/record/exports/schemas.ts';

/** Writes the JSON Schemas of exported files into docs/reference/exports; a test says when it has to be done. */
const folder = new URL('../docs/reference/exports/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [form, schema] of Object.entries(exportSchemas)) {
  const whole = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema };
  writeFileSync(new URL(`${form}.schema.json`, folder), `${JSON.stringify(whole, null, 2)}\n`);
}
