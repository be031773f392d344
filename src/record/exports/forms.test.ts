import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { uuidv7 } from '../../core/ids.ts';
import { aLife } from '../../store/contract/life.ts';
import { assemble } from '../assemble.ts';
import { type ConversationSummary, project } from '../conversation.ts';
import { event, type RecordedEvent, type RecordedEventOf, toRecordedEvent } from '../events.ts';
import { exportFile, exportFiles } from './forms.ts';
import { exportForms, exportSchemas } from './schemas.ts';

const validators = Object.fromEntries(exportForms.map((form) => [form, Compile(exportSchemas[form])]));

/** A conversation after each of its events, with those until then. */
function* states() {
  const events: RecordedEvent[] = [];
  let summary: ConversationSummary | undefined;
  const deliveryId = uuidv7();
  for (const [index, fact] of aLife().facts.entries()) {
    const recorded = toRecordedEvent({ ...fact, data: { ...fact.data, deliveryId } }, index + 1);
    events.push(recorded);
    summary = project(summary, recorded);
    yield { conversation: assemble(summary!, events), events: [...events] };
  }
}

test('at each point of its life a conversation has four files, each as its schema says', () => {
  for (const { conversation, events } of states()) {
    const files = exportFiles(conversation, events);
    assert.deepEqual(
      files.map(({ name }) => name),
      ['conversation.json', 'metadata.json', 'summary.json', 'analysis.json'],
    );
    for (const form of exportForms) {
      const value: unknown = JSON.parse(exportFile(form, conversation, events).body);
      assert.deepEqual([...validators[form]!.Errors(value)], [], form);
    }
  }
});

test('a schema refuses what is missing, unknown or of another type', () => {
  const { conversation, events } = [...states()].at(-1)!;
  for (const form of exportForms) {
    const value = JSON.parse(exportFile(form, conversation, events).body) as Record<string, unknown>;
    const refuses = (changed: unknown) => assert.equal(validators[form]!.Check(changed), false, form);
    refuses({ ...value, unheard_of: 1 });
    for (const key of Object.keys(value)) {
      const { [key]: _, ...rest } = value;
      refuses(rest);
      refuses({ ...value, [key]: { something: 'else' } });
    }
  }
});

test('an export says nothing of when it was made: done again it has the same bytes', () => {
  const { conversation, events } = [...states()].at(-1)!;
  const first = events[0]! as RecordedEventOf<'WEBHOOK_REQUEST_RECEIVED'>;
  const about = { ...first.data, prefix: 'conversation-history/x', keys: [], sizeBytes: 1 };
  const { type, subject, data } = event('WEBHOOK_CONVERSATION_EXPORTED', conversation.trackingId, about);
  const later = { id: 'later', type, subject: subject!, data, at: Date.now() };
  const again = [...events, toRecordedEvent(later, 99)];
  assert.deepEqual(exportFiles(conversation, again), exportFiles(conversation, events));
  const { as_of } = JSON.parse(exportFile('metadata', conversation, events).body).export_metadata;
  assert.equal(as_of, new Date(events.at(-1)!.at).toISOString());
});

test('nothing of the content is in the files that are for monitoring', () => {
  const { conversation, events } = [...states()].at(-1)!;
  for (const form of ['metadata', 'summary'] as const) {
    assert.doesNotMatch(exportFile(form, conversation, events).body, /IXIS|Won|ticket/);
  }
});

test('the schemas are published as they are (node scripts/export-schemas.ts writes them)', () => {
  for (const form of exportForms) {
    const file = new URL(`../../../docs/reference/exports/${form}.schema.json`, import.meta.url);
    const { $schema, ...published } = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema');
    assert.deepEqual(published, JSON.parse(JSON.stringify(exportSchemas[form])), form);
  }
});
