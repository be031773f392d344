import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSourcesFile } from './sources-file.ts';

const places = {
  variable: (name: string) => ({ GITHUB_SECRET: 'hush-hush', EMPTY: '' })[name],
  file: (path: string) => {
    if (path === '/run/secrets/crm') return 'hush too\n';
    if (path === '/run/secrets/empty') return '\n';
    throw new Error('ENOENT');
  },
};
const starts = { flow: 'query' };
const options = { input: { query: 'What is {payload.id}?' } };
const read = (text: string | object) =>
  parseSourcesFile(
    '/etc/sources.json',
    Buffer.from(typeof text === 'string' ? text : JSON.stringify(text, null, 2)),
    places,
  );

describe('a file of sources', () => {
  test('is read as the API reads each, with secrets from where it says', () => {
    const secrets = [
      { variable: 'GITHUB_SECRET', label: 'old', not_after: '2026-12-01T00:00:00Z' },
      { file: '/run/secrets/crm', label: 'new' },
    ];
    assert.deepEqual(read({ tracker: { scheme: 'github', secrets, starts, options } }), [
      {
        name: 'tracker',
        scheme: 'github',
        secrets: [
          { label: 'old', secret: 'hush-hush', notAfter: Date.parse('2026-12-01T00:00:00Z') },
          { label: 'new', secret: 'hush too' },
        ],
        ...{ starts, options, origin: 'file' },
      },
    ]);
    assert.deepEqual(read('{}'), []);
  });

  test('has no verify token in it, but where it is', () => {
    const meta = (token: unknown) => ({
      meta: {
        ...{ scheme: 'hmac', secrets: [{ variable: 'GITHUB_SECRET' }], starts },
        options: { ...options, handshake: 'meta', verify_token: token },
      },
    });
    const [source] = read(meta({ file: '/run/secrets/crm' }));
    assert.equal(source?.options.verify_token, 'hush too');
    for (const token of ['hush too', { file: '/run/secrets/crm', label: 'a' }, { variable: 'LOST' }]) {
      assert.throws(() => read(meta(token)), /\/options\/verify_token/);
    }
  });

  test('says every fault of every source, with the line and the place, and no secret', () => {
    const source = (secrets: unknown, more: object = {}) => ({ scheme: 'github', secrets, starts, ...more });
    const faults: [object, RegExp][] = [
      [source(['hush-hush']), /\/secrets\/0 must name where the secret is/],
      [source([{ secret: 'hush-hush' }]), /\/secrets\/0 must name where the secret is/],
      [source([{ variable: 'LOST' }]), /\/secrets\/0 names the variable "LOST", which is not set/],
      [source([{ variable: 'EMPTY' }]), /which is not set/],
      [source([{ variable: 'GITHUB_SECRET', file: '/x' }]), /either "variable" or "file"/],
      [source([{ file: '/run/secrets/lost' }]), /"\/run\/secrets\/lost", which cannot be read: ENOENT/],
      [source([{ file: '/run/secrets/empty' }]), /which is empty/],
      [source([{ file: 7 }]), /path of a file/],
      [source([]), /\/secrets must hold a secret/],
      [source([{ variable: 'GITHUB_SECRET' }], { options: { evnts: [] } }), /\/options\/evnts/],
      [source([{ variable: 'GITHUB_SECRET' }], { sheme: 1 }), /must not have/],
    ];
    for (const [body, pattern] of faults) {
      assert.throws(
        () => read({ good: source([{ variable: 'GITHUB_SECRET' }]), bad: body }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'config_invalid');
          assert.match(error.message, pattern);
          assert.match(error.message, /\/etc\/sources\.json:\d+: /);
          assert.doesNotMatch(error.message, /hush/);
          return true;
        },
      );
    }
    const both = { first: source(['x']), second: source(['y']) };
    assert.throws(() => read(both), /sources\.json:2: .*\n.*sources\.json:11: "second": /s);
  });

  test('that is no file of sources says why', () => {
    for (const [text, pattern] of [
      ['', /It is empty/],
      ['{"a": 1,\n "b": }', /Unexpected token/],
      ['{"a": {}, "a": {}}', /"a"/],
      ['[]', /an object is expected/],
      ['{"a": 7}', /sources\.json:1: "a": /],
      ['{"A B": {}}', /must match/],
    ] as const) {
      assert.throws(() => read(text), { code: 'config_invalid', message: pattern }, text);
    }
  });
});
