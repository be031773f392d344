import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { change, create, type Records, type StoredRecord } from '../records.ts';

export interface RecordsUnderTest {
  readonly records: Records;
  /** The same documents, as another process has them. */
  readonly beside: Records;
  close(): Promise<void> | void;
}

/** What `Records` promise, of an implementation that begins with none. */
export function recordsContract(
  name: string,
  open: () => Promise<RecordsUnderTest> | RecordsUnderTest,
): void {
  describe(`the records of an engine: ${name}`, () => {
    let under: RecordsUnderTest;
    let numbers = 0;
    const unused = () => `key/${numbers++}`;
    before(async () => {
      under = await open();
    });
    after(() => under.close());

    test('a document is there for everybody once it is written, as it was written', async () => {
      const { records, beside } = under;
      const key = unused();
      const value = { text: 'a\u0000b \u{1f600} \ud800', list: [1, -0.5, null, true], deep: { '': {} } };
      assert.equal(await records.read(key), undefined);
      assert.equal(await records.write(key, 0, value), true);
      assert.deepEqual(await beside.read(key), { key, version: 1, value: JSON.parse(JSON.stringify(value)) });
    });

    test('null, texts and numbers are documents too', async () => {
      for (const value of [null, 'text', '', 7, false, []]) {
        const key = unused();
        await under.records.write(key, 0, value);
        assert.deepEqual((await under.records.read(key))!.value, value);
      }
    });

    test('a key is any text', async () => {
      for (const key of ['', "'; DROP TABLE x; --", 'größer/\u{1f600}', 'x'.repeat(1_500), 'line\nline']) {
        assert.equal(await under.records.write(`key/${key}`, 0, key), true);
        assert.equal((await under.records.read(`key/${key}`))!.value, key);
      }
    });

    test('a document of some hundred KiB is kept whole', async () => {
      const key = unused();
      const value = { text: 'ä'.repeat(300_000) };
      await under.records.write(key, 0, value);
      assert.deepEqual((await under.beside.read(key))!.value, value);
    });

    test('only who has seen the latest version changes or removes it', async () => {
      const { records, beside } = under;
      const key = unused();
      assert.equal(await records.write(key, 1, 'none'), false);
      assert.equal(await records.write(key, 0, 'first'), true);
      assert.equal(await beside.write(key, 0, 'other first'), false);
      assert.equal(await beside.write(key, 1, 'second'), true);
      assert.equal(await records.write(key, 1, 'late'), false);
      assert.equal(await records.remove(key, 1), false);
      assert.deepEqual(await records.read(key), { key, version: 2, value: 'second' });
      assert.equal(await records.remove(key, 2), true);
      assert.equal(await beside.remove(key, 2), false);
      assert.equal(await beside.read(key), undefined);
      assert.equal(await records.write(key, 0, 'again'), true);
    });

    test('of many who change a document at once each change counts', async () => {
      const key = unused();
      const add = (records: Records) =>
        change<number>(records, key, (present = 0) => ({ value: present + 1 }));
      await Promise.all(Array.from({ length: 20 }, (_, n) => add(n % 2 ? under.records : under.beside)));
      assert.equal((await under.records.read(key))!.value, 20);
    });

    test('of many who create a document one does, and the others see what it wrote', async () => {
      const key = unused();
      const created = await Promise.all(
        Array.from({ length: 10 }, (_, n) => create(n % 2 ? under.records : under.beside, key, n)),
      );
      assert.equal(created.filter((each) => each.created).length, 1);
      assert.equal(new Set(created.map(({ value }) => value)).size, 1);
    });

    test('a list is read page by page from either end, and has what was put there last', async () => {
      const { records } = under;
      const keys = ['list/A', 'list/Z', 'list/a', 'list/b', 'list/ä'];
      for (const key of keys) await records.write(key, 0, key, { list: 'l' });
      const keysOf = (found: readonly StoredRecord[]) => found.map(({ key }) => key);
      assert.deepEqual(keysOf(await records.listFrom('l', 3)), keys.slice(0, 3));
      assert.deepEqual(keysOf(await records.listFrom('l', 3, 'list/a')), keys.slice(3));
      assert.deepEqual(keysOf(await records.list('l', 2)), ['list/ä', 'list/b']);
      assert.deepEqual(keysOf(await records.list('l', 9, 'list/b')), ['list/a', 'list/Z', 'list/A']);
      await records.write('list/Z', 1, 'elsewhere', { list: 'm' });
      await records.write('list/b', 1, 'in none');
      await records.remove('list/A', 1);
      assert.deepEqual(keysOf(await records.listFrom('l', 9)), ['list/a', 'list/ä']);
      assert.deepEqual(keysOf(await records.list('m', 9)), ['list/Z']);
      assert.deepEqual(await records.list('none', 9), []);
    });

    test('what is due is found, the longest due first, until its next time', async () => {
      const { records } = under;
      const due = async (now: number, limit = 9) =>
        (await records.due(now, limit))
          .map(({ value }) => value)
          .filter((value) => typeof value === 'string');
      await records.write('due/1', 0, 'later', { dueAt: 2_000 });
      await records.write('due/2', 0, 'sooner', { dueAt: 1_000.5, list: 'd' });
      await records.write('due/3', 0, 'never');
      assert.deepEqual(await due(1_000), []);
      assert.deepEqual(await due(1_001), ['sooner']);
      assert.deepEqual(await due(9_000), ['sooner', 'later']);
      assert.deepEqual(await due(9_000, 1), ['sooner']);
      await records.write('due/2', 1, 'postponed', { dueAt: 9_001 });
      await records.write('due/1', 1, 'not any more');
      assert.deepEqual(await due(9_000), []);
      assert.deepEqual(await due(9_001), ['postponed']);
    });
  });
}
