import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { Agent } from '../src/agents/agent.ts';
import { compose, type Signalbox } from '../src/compose/compose.ts';
import { readConfig } from '../src/config/config.ts';
import { createLog } from '../src/observe/log.ts';
import { question } from './fixtures/app.ts';
import { newKey } from './fixtures/encryption.ts';
import { type Receiver, startReceiver } from './fixtures/receiver.ts';
import { until } from './fixtures/until.ts';

/** Words that are nowhere else. */
const marker = () => `zq${randomBytes(6).toString('hex')}x`;
const words = {
  question: marker(),
  answer: marker(),
  argument: marker(),
  result: marker(),
  large: marker(),
  failure: marker(),
  receiver: marker(),
  erased: marker(),
  secret: marker(),
  reason: marker(),
  output: marker(),
};

/** Answers with words of its own, and fails when it is asked to. */
const agent: Agent = {
  name: 'tester',
  async answer({ question: asked }) {
    if (asked.includes('fail'))
      throw Object.assign(new Error(`It broke at ${words.failure}.`), { retryable: false });
    const markdown = `**${words.answer}** is the answer, and ${words.answer} was found.`;
    return {
      ...{ markdown, plain: markdown.replaceAll('*', ''), understood: true },
      toolCalls: [
        { tool: 'crm.read', input: { of: words.argument }, output: { found: words.result }, durationMs: 1 },
      ],
    };
  },
};

class Running {
  readonly #signalbox: Signalbox;

  constructor(signalbox: Signalbox) {
    this.#signalbox = signalbox;
  }

  async call(method: 'GET' | 'POST' | 'PUT', url: string, payload?: object) {
    const headers = { host: 'localhost' };
    const answered = await this.#signalbox.app.server.inject({
      method,
      url,
      headers,
      ...(payload && { payload }),
    });
    return { status: answered.statusCode, body: answered.json(), text: answered.body };
  }

  async ask(query: string, fields: object = {}): Promise<string> {
    const { status, text, body } = await this.call('POST', '/webhook', question({ query, ...fields }));
    assert.equal(status, 202, text);
    return body.tracking_id;
  }

  /** Waits until nothing more will happen to a conversation. */
  completed(trackingId: string) {
    return until(
      async () => (await this.call('GET', `/webhook/${trackingId}`)).body,
      ({ status }) => ['delivered', 'failed', 'delivery_failed'].includes(status),
    );
  }

  async found(text: string): Promise<readonly { tracking_id: string }[]> {
    return (await this.call('GET', `/conversations/search?q=${encodeURIComponent(text)}`)).body.conversations;
  }

  stop = () => this.#signalbox.stop(2_000);
}

let dataDir: string;
let receiver: Receiver;
const lines: string[] = [];

async function start(keys: string | undefined, more: Record<string, string> = {}): Promise<Running> {
  const config = readConfig({
    SIGNALBOX_DATA_DIR: dataDir,
    WEBHOOK_URL: receiver.url,
    SIGNALBOX_DELIVERY_SCHEDULE: '100ms, 1s',
    ...(keys !== undefined && { SIGNALBOX_ENCRYPTION_KEYS: keys }),
    ...more,
  });
  const log = createLog({ level: 'warn', format: 'json', write: (line) => void lines.push(line) });
  const signalbox = await compose(config, log, agent);
  signalbox.recover();
  return new Running(signalbox);
}

/** Files of the data folder in which one of the words is, whatever is before and after it. */
function filesWith(wanted: readonly string[]): string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dataDir, name)).isFile())
    .filter((name) => {
      const bytes = readFileSync(join(dataDir, name));
      return wanted.some((word) => bytes.includes(word) || bytes.includes(Buffer.from(word, 'utf16le')));
    });
}

describe('encryption, over a whole life', () => {
  const key = newKey();
  let running: Running;
  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'signalbox-encryption-'));
    receiver = await startReceiver();
    running = await start(key);
  });
  after(async () => {
    await running.stop();
    await receiver.close();
    rmSync(dataDir, { recursive: true });
  });

  test('no word of what was asked, answered, called, failed at or erased is in the data folder', async () => {
    receiver.next({ kind: 'answer', status: 500, body: words.receiver });
    const answered = await running.ask(`What is ${words.question}?`);
    const large = await running.ask('A large one', { notes: `${words.large} `.repeat(40_000) });
    const failed = await running.ask(`fail at ${words.question}`);
    const erased = await running.ask(`Forget ${words.erased}`);
    const source = {
      ...{ scheme: 'basic', secrets: [`user:${words.secret}`], starts: { flow: 'query' } },
      options: { input: { query: 'What is new?' } },
    };
    assert.ok((await running.call('PUT', '/sources/crm', source)).status < 300);
    const states = [];
    for (const id of [answered, large, failed, erased]) states.push((await running.completed(id)).status);
    assert.deepEqual(states, ['delivered', 'delivered', 'failed', 'delivered']);
    await until(
      () => running.found(words.erased),
      (found) => found.length === 1,
    );
    assert.deepEqual(filesWith(Object.values(words)), [], 'while it runs, the log of SQLite included');
    const { body } = await running.call('POST', '/conversations/erase', { id: erased });
    await until(
      async () => (await running.call('GET', `/runs/${body.run_ids[0]}`)).body,
      ({ status }) => status === 'succeeded',
    );
    assert.deepEqual(await running.found(words.erased), []);
    await running.stop();
    assert.deepEqual(filesWith(Object.values(words)), []);
    running = await start(key);
  });

  test('everything is read as it was, after a start', async () => {
    const [{ tracking_id: id }] = (await running.found(`${words.question} -fail`)) as [
      { tracking_id: string },
    ];
    const { text } = await running.call('GET', `/conversations/${id}`);
    for (const word of [words.question, words.answer]) assert.ok(text.includes(word), text);
    const timeline = (await running.call('GET', `/conversations/${id}/timeline`)).text;
    for (const word of [words.argument, words.result]) assert.ok(timeline.includes(word), timeline);
    const listed = (await running.call('GET', '/conversations')).text;
    assert.ok(listed.includes(words.question));
    assert.match((await running.call('GET', '/sources')).text, /crm/);
    const [found] = await running.found(`"answer and ${words.answer}"`);
    assert.match(JSON.stringify(found), new RegExp(`and ${words.answer}","match":true`));
    const prefix = await running.call('GET', `/conversations/search?q=${words.answer.slice(0, 8)}*`);
    assert.deepEqual([prefix.status, prefix.body.code], [422, 'invalid_request']);
    const runs = await running.call('GET', `/runs/${id}`);
    assert.ok(runs.text.includes(words.question), runs.text);
  });

  test('what is on the disk is only read by whoever has the key, which is said at the start', async () => {
    await running.stop();
    try {
      await assert.rejects(start(undefined), { code: 'encryption_key_missing', message: /is not set/ });
      await assert.rejects(start(newKey()), {
        code: 'encryption_key_missing',
        message: /Add that key behind/,
      });
      await assert.rejects(start('no key'), { code: 'config_invalid', message: /key 1 cannot be used/ });
    } finally {
      running = await start(key);
    }
  });
});

interface EncryptionState {
  readonly key_id: string | null;
  readonly keys: readonly { readonly id: string; readonly newest: boolean; readonly in_use: boolean }[];
  readonly plain_in_use: boolean;
  readonly rotating: boolean;
  readonly rewritten: number;
  readonly unreadable: number;
}

describe('rotation', () => {
  const [first, second] = [newKey(), newKey()];
  const word = marker();
  let running: Running;
  let asked: string[];

  const rotate = async (): Promise<EncryptionState> => {
    assert.equal((await running.call('POST', '/encryption/rotate')).status, 202);
    return until(
      async () => (await running.call('GET', '/encryption')).body as EncryptionState,
      ({ rotating }) => !rotating,
    );
  };
  const restart = async (keys: string | undefined) => {
    await running.stop();
    running = await start(keys);
  };
  const readsAll = async () => {
    for (const id of asked) {
      const { text } = await running.call('GET', `/conversations/${id}`);
      assert.ok(text.includes(word) && text.includes(words.answer), text);
      assert.ok((await running.call('GET', `/runs/${id}`)).text.includes(word));
    }
    assert.equal((await running.found(`${word} ${words.answer}`)).length, asked.length);
  };
  /** What is on the disk, changed while nothing runs. */
  const change = async (keys: string, work: (database: DatabaseSync) => void) => {
    await running.stop();
    const database = new DatabaseSync(join(dataDir, 'signalbox.sqlite'));
    work(database);
    database.close();
    running = await start(keys);
  };

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'signalbox-rotation-'));
    receiver = await startReceiver();
    running = await start(undefined);
    const notes = { notes: `${word} `.repeat(30_000) };
    asked = [await running.ask(`What is ${word}?`, notes), await running.ask(`And what is ${word}?`)];
    for (const id of asked) await running.completed(id);
    await until(
      () => running.found(`${word} ${words.answer}`),
      (found) => found.length === 2,
    );
  });
  after(async () => {
    await running.stop();
    await receiver.close();
    rmSync(dataDir, { recursive: true });
  });

  test('puts what was plain under a key, so that nothing is left of it', async () => {
    await readsAll();
    const before = filesWith([word]);
    assert.ok(before.includes('signalbox.sqlite') || before.includes('signalbox.sqlite-wal'), String(before));
    await restart(first);
    await readsAll();
    const { rewritten, unreadable, plain_in_use: plain } = await rotate();
    assert.ok(rewritten > 20 && unreadable === 0 && !plain, String(rewritten));
    await readsAll();
    assert.deepEqual(filesWith([word, words.answer]), [], 'while it runs');
    assert.deepEqual(await rotate().then((state) => state.rewritten), 0, 'there is nothing left to do');
  });

  test('puts everything under a newer key, after which the older one is not needed', async () => {
    await restart(`${second},${first}`);
    const states = (await running.call('GET', '/encryption')).body as EncryptionState;
    assert.deepEqual(
      states.keys.map(({ newest, in_use: inUse }) => [newest, inUse]),
      [
        [true, true],
        [false, true],
      ],
    );
    await readsAll();
    // Cut off at once, it goes on where it is asked again.
    await running.call('POST', '/encryption/rotate');
    await restart(`${second},${first}`);
    const after = await rotate();
    assert.deepEqual(
      after.keys.map(({ in_use: inUse }) => inUse),
      [true, false],
    );
    await restart(second);
    await readsAll();
    await running.stop();
    await assert.rejects(start(first), { code: 'encryption_key_missing' });
    running = await start(second);
  });

  test('says which value was changed or moved on the disk, and loses nothing else', async () => {
    const [broken, whole] = asked as [string, string];
    const texts = (database: DatabaseSync, id: string) =>
      database
        .prepare(
          `SELECT sequence, data FROM events WHERE tracking_id = ? AND type = 'WEBHOOK_REQUEST_RECEIVED'`,
        )
        .get(id) as { sequence: number; data: string };
    let before = '';
    await change(second, (database) => {
      const mine = texts(database, broken);
      before = mine.data;
      const [head, tail] = [mine.data.slice(0, 100), mine.data.slice(101)];
      const flipped = `${head}${mine.data[100] === 'A' ? 'B' : 'A'}${tail}`;
      database.prepare('UPDATE events SET data = ? WHERE sequence = ?').run(flipped, mine.sequence);
      database
        .prepare(
          'UPDATE conversations SET query_start = (SELECT query_start FROM conversations WHERE tracking_id = ?) WHERE tracking_id = ?',
        )
        .run(whole, broken);
    });
    const refused = await running.call('GET', `/conversations/${broken}`);
    assert.deepEqual([refused.status, refused.body.code], [500, 'value_unreadable']);
    assert.ok(refused.body.detail.includes(`events.data of ${broken}`), refused.body.detail);
    assert.equal((await running.call('GET', `/conversations/${whole}`)).status, 200);
    const listed = (await running.call('GET', '/conversations')).body.conversations;
    assert.deepEqual(
      listed.map((one: { query_start: string }) => one.query_start.includes(word)),
      [true, false],
    );
    assert.equal(listed[1].query_start, '[cannot be read]');
    assert.equal((await running.call('POST', '/projections/rebuild', {})).status, 202);
    await until(
      async () => (await running.call('GET', '/projections')).body.projections as { rebuilding: unknown }[],
      (states) => states.every(({ rebuilding }) => rebuilding === null),
    );
    assert.deepEqual(
      (await running.found(word)).map((one) => one.tracking_id),
      [whole],
    );
    await change(second, (database) => {
      const { sequence } = texts(database, broken);
      database.prepare('UPDATE events SET data = ? WHERE sequence = ?').run(before, sequence);
    });
    assert.equal((await running.call('GET', `/conversations/${broken}`)).status, 200);
  });

  test('leads back to plain values, when that is wanted', async () => {
    await restart(`plain,${second}`);
    const { key_id: keyId, keys, unreadable } = await rotate();
    assert.deepEqual([keyId, keys.map(({ in_use: inUse }) => inUse)], [null, [false]]);
    assert.equal(unreadable, 1, 'the one that was moved');
    await restart(undefined);
    const { text } = await running.call('GET', `/conversations/${asked[1]}`);
    assert.ok(text.includes(word));
    assert.equal((await running.found(`${word.slice(0, 6)}*`)).length, 2);
  });
});
