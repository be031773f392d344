import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SignalboxError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { type CloudEvent, readCloudEvents } from './cloud-event.ts';

const request = (body: string | Buffer, headers: Record<string, string>) => ({
  method: 'POST',
  url: 'http://localhost/events',
  headers,
  body: Buffer.from(body),
});
const structured = (event: unknown, type = 'application/cloudevents+json') =>
  readCloudEvents(request(JSON.stringify(event), { 'content-type': type }));
const batched = (events: unknown) => structured(events, 'application/cloudevents-batch+json; charset=UTF-8');
const pathsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof SignalboxError, String(error));
    assert.equal(error.code, 'invalid_request');
    return error.fields!.map(({ path }) => path);
  }
  return [];
};

/** The names and values of https://github.com/cloudevents/conformance/tree/main/format/json, on the one that is valid. */
const minimal = {
  specversion: '1.0',
  id: 'minimal',
  type: 'io.cloudevents.test',
  source: 'https://cloudevents.io',
};
const allCore = {
  ...minimal,
  id: 'allCore',
  datacontenttype: 'text/plain',
  dataschema: 'https://cloudevents.io/dataschema',
  subject: 'tests',
  time: '2018-04-05T17:31:00Z',
};
const allExtensionTypes = {
  ...minimal,
  id: 'allExtensionTypes',
  extinteger: 10,
  extboolean: true,
  extstring: 'text',
  exturi: 'https://cloudevents.io',
  exturiref: '//authority/path',
  exttimestamp: '2023-03-31T15:12:00Z',
  extbinary: 'TWE=',
};

const validEvents: Record<string, object> = {
  validMinimal: minimal,
  validAllCoreAttributes: allCore,
  validMinimalWithTimeToNanosecondsUtc: { ...minimal, time: '2018-04-05T17:31:00.000000000Z' },
  validMinimalWithTimeUsingPositiveOffset: { ...minimal, time: '2018-04-05T18:31:00+01:00' },
  validMinimalWithTimeUsingNegativeOffset: { ...minimal, time: '2018-04-05T16:31:00-01:00' },
  validRelativeSource: { ...minimal, source: '#fragment' },
  validSimpleTextData: { ...minimal, datacontenttype: 'text/plain', data: 'Simple text' },
  validAllExtensionTypes: allExtensionTypes,
};

const without = (name: string) => ({ ...minimal, [name]: undefined });
const time = (text: string) => ({ ...minimal, time: text });
const invalidEvents: Record<string, readonly [event: object, path: string]> = {
  invalidNoSpecVersion: [without('specversion'), '/specversion'],
  invalidNoId: [without('id'), '/id'],
  invalidNoType: [without('type'), '/type'],
  invalidNoSource: [without('source'), '/source'],
  invalidTimeGarbage: [time('lunchtime'), '/time'],
  invalidTimeToMinute: [time('2018-04-05T18:31Z'), '/time'],
  invalidTimeOffsetX: [time('2018-04-05T18:31:00X'), '/time'],
  invalidTimeOffsetOutOfRange: [time('2018-04-05T18:31:00+25:00'), '/time'],
  invalidTimeOffsetNonInteger: [time('2018-04-05T18:31:00+xx:00'), '/time'],
  invalidTimeOffsetHourOnly: [time('2018-04-05T18:31:00+05'), '/time'],
  invalidEmptyId: [{ ...minimal, id: '' }, '/id'],
  invalidEmptyType: [{ ...minimal, type: '' }, '/type'],
  invalidEmptySource: [{ ...minimal, source: '' }, '/source'],
  invalidEmptySpecVersion: [{ ...minimal, specversion: '' }, '/specversion'],
  invalidUnknownSpecVersion: [{ ...minimal, specversion: '0.9' }, '/specversion'],
  invalidNonRfc2046DataContentType: [{ ...minimal, datacontenttype: 'xyz' }, '/datacontenttype'],
  invalidEmptyDataContentType: [{ ...minimal, datacontenttype: '' }, '/datacontenttype'],
  invalidEmptyDataSchema: [{ ...minimal, dataschema: '' }, '/dataschema'],
  invalidEmptySubject: [{ ...minimal, subject: '' }, '/subject'],
  invalidNumericId: [{ ...minimal, id: 25 }, '/id'],
  invalidObjectId: [{ ...minimal, id: { xyz: 'abc' } }, '/id'],
  invalidCapitalizedExtension: [{ ...minimal, MyExtension: 'bad' }, '/MyExtension'],
  invalidPunctuatedExtension: [{ ...minimal, 'my.extension': 'bad' }, '/my.extension'],
  invalidNonIntegerExtensionValue: [{ ...minimal, myextension: 1.5 }, '/myextension'],
  invalidBothDataAndDataBase64: [
    { ...minimal, data: 'text', data_base64: 'eyAieHl6IjogMTIzIH0=' },
    '/data_base64',
  ],
};

describe('the conformance cases of the JSON format', () => {
  for (const [name, event] of Object.entries(validEvents)) {
    test(name, () => assert.deepEqual(structured(event), [event]));
  }
  test('validMinimalWithNullForOptional', () => {
    const nothing = { datacontenttype: null, dataschema: null, subject: null, time: null };
    assert.deepEqual(structured({ ...minimal, ...nothing }), [minimal]);
  });
  for (const [name, [event, path]] of Object.entries(invalidEvents)) {
    test(name, () =>
      assert.deepEqual(
        pathsOf(() => structured(event)),
        [path],
      ),
    );
  }
  const batches = {
    validBatchEmpty: [],
    validBatchMinimal: [minimal],
    validBatchMinimal2: [minimal, minimal],
  };
  for (const [name, batch] of Object.entries({
    ...batches,
    validBatchMinimalAndAllCore: [minimal, allCore],
    validBatchMinimalAndAllExtensionTypes: [minimal, allExtensionTypes],
  })) {
    test(name, () => assert.deepEqual(batched(batch), batch));
  }
  test('invalidBatchMixedSpecVersions', () =>
    assert.deepEqual(
      pathsOf(() => batched([minimal, { ...minimal, specversion: '0.9' }])),
      ['/1/specversion'],
    ));
  test('invalidBatchContainingInvalidCloudEvent', () =>
    assert.deepEqual(
      pathsOf(() => batched([without('id')])),
      ['/0/id'],
    ));
  test('invalidBatchContainingNonObject', () =>
    assert.deepEqual(
      pathsOf(() => batched(['not an object', minimal])),
      ['/0/'],
    ));
});

describe('the conformance cases of the HTTP binding', () => {
  const attributes = {
    specversion: '1.0',
    type: 'com.example.someevent',
    time: '2018-04-05T03:56:24Z',
    id: '1234-1234-1234',
    source: '/mycontext/subcontext',
  };
  const data = { message: 'Hello World!' };
  const fields = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
  for (const type of ['application/json', 'application/json; charset=utf-8']) {
    test(`binary content mode (${type})`, () => {
      const event = readCloudEvents(request(JSON.stringify(data), { ...fields, 'content-type': type }));
      assert.deepEqual(event, [{ ...attributes, datacontenttype: type, data }]);
    });
  }
  for (const type of ['application/cloudevents+json', 'application/cloudevents+json; charset=utf-8']) {
    test(`structured content mode (${type})`, () => {
      const event = { ...attributes, datacontenttype: 'application/json', data };
      assert.deepEqual(structured(event, type), [event]);
    });
  }

  test('header values: percent-encoded UTF-8, quotes, and what is no encoding', () => {
    const decoded = (value: string) =>
      readCloudEvents(request('', { ...fields, 'ce-subject': value }))[0]!.subject;
    // The example of section 3.1.3.2.
    assert.equal(decoded('Euro%20%E2%82%AC%20%F0%9F%98%80'), 'Euro € 😀');
    assert.equal(decoded('"with \\"quotes\\" and %22"'), 'with "quotes" and "');
    assert.equal(decoded('100% of %zz'), '100% of %zz');
    assert.equal(decoded('%C0%A0'), '\uFFFD\uFFFD');
  });

  test('data: text as it is, other bytes as base64, nothing as nothing', () => {
    const read = (type: string, body: string | Buffer) =>
      readCloudEvents(request(body, { ...fields, 'content-type': type }))[0]!;
    assert.equal(read('text/plain', 'Größe').data, 'Größe');
    assert.equal(read('application/xml', '<a/>').data, '<a/>');
    assert.equal(read('image/png', Buffer.from([0, 255])).data_base64, 'AP8=');
    assert.equal('data' in read('application/json', ''), false);
    assert.throws(() => read('application/json', '{"a":1,"a":2}'), { code: 'malformed_request' });
  });

  test('other formats, and what is no event at all, are told apart', () => {
    for (const type of [
      'application/cloudevents+avro',
      'application/cloudevents-batch+xml',
      'application/json',
    ]) {
      assert.throws(() => structured(minimal, type), { code: 'unsupported_media_type' }, type);
    }
    assert.deepEqual(
      pathsOf(() => batched(minimal)),
      ['/'],
    );
    assert.deepEqual(
      pathsOf(() => batched(Array.from({ length: 1_001 }, () => minimal))),
      ['/'],
    );
    assert.deepEqual(
      pathsOf(() => structured([minimal])),
      ['/'],
    );
  });
});

test('whatever comes is events, or an error that says why', () => {
  const names = fc.constantFrom(
    ...Object.keys(allCore),
    'data',
    'data_base64',
    'ext',
    '__proto__',
    'constructor',
  );
  const event = fc.oneof(
    fc.jsonValue(),
    fc
      .tuple(fc.constant(allCore), fc.dictionary(names, fc.jsonValue()))
      .map((parts) => Object.assign({}, ...parts)),
  );
  const types = fc.constantFrom('application/cloudevents+json', 'application/cloudevents-batch+json');
  fc.assert(
    fc.property(event, types, (value: Json, type) => {
      let events: readonly CloudEvent[];
      try {
        events = structured(value, type);
      } catch (error) {
        return error instanceof SignalboxError && error.status < 500;
      }
      return events.every(({ id, source, type: of }) => id !== '' && source !== '' && of !== '');
    }),
    { numRuns: 500 },
  );
});
