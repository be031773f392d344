import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../core/json.ts';
import { fillTemplate, pathsOf } from './template.ts';

const values = {
  event: 'issues',
  payload: {
    issue: { number: 7, title: 'It {payload.secret} broke', labels: ['a', 'b'] },
    secret: 'x',
    none: null,
  },
};

test('a whole placeholder is the value, one inside a text becomes text', () => {
  const template = {
    query: 'Issue {payload.issue.number}: {payload.issue.title} ({payload.issue.labels})',
    number: '{payload.issue.number}',
    first: '{payload.issue.labels.0}',
    labels: ['{payload.issue.labels}', 'fixed', 1, null],
    lost: '{payload.nothing.here}',
    half: 'a{payload.nothing}b{payload.none}c',
    braces: '{{event}} {event}',
  };
  assert.deepEqual(fillTemplate(template, values), {
    query: 'Issue 7: It {payload.secret} broke (["a","b"])',
    number: 7,
    first: 'a',
    labels: [['a', 'b'], 'fixed', 1, null],
    lost: null,
    half: 'abc',
    braces: '{event} issues',
  });
});

test('paths reach own members alone', () => {
  for (const path of ['payload.constructor', 'payload.__proto__', 'payload.issue.labels.length']) {
    const filled = fillTemplate(`{${path}}`, values);
    assert.ok(filled === null || path.endsWith('length'), path);
  }
});

test('the paths that a template names are found', () => {
  assert.deepEqual(pathsOf({ a: '{payload.x} {{no}} {event}', b: ['{source}'], c: 1 }), [
    'payload.x',
    'event',
    'source',
  ]);
});

test('what arrives is never read as a template', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(fillTemplate('{payload}', { payload: text }), text);
      assert.equal(fillTemplate('<{payload}>', { payload: text } as Record<string, Json>), `<${text}>`);
    }),
  );
});
