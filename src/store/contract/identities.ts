import assert from 'node:assert/strict';
import { actEndFact, actFact, type OperatorAct } from '../../record/acts.ts';
import type { StoredKey, StoredSession } from '../identities.ts';
import type { WithStore } from './contract.ts';

const now = 1_786_699_000_000;
const day = 86_400_000;

const aKey = (id: string, fields: Partial<StoredKey> = {}): StoredKey => ({
  ...{ id, name: `name of ${id}`, scopes: ['ingest', 'read'], sha256: id.padEnd(64, '0') },
  ...{ createdAt: now, createdBy: 'me', expiresAt: null, revokedAt: null, lastUsedAt: null },
  ...fields,
});

const aSession = (sha256: string, fields: Partial<StoredSession> = {}): StoredSession => ({
  ...{ sha256, name: 'me', scopes: ['operate'], keyId: 'sb_1', createdAt: now, seenAt: now },
  ...{ expiresAt: now + day, ...fields },
});

/** Who may call: what every store does about it. */
export function testIdentities(withStore: WithStore): void {
  withStore('keeps keys, one of a name at a time, newest first', async ({ store, beside = store }) => {
    assert.deepEqual(await store.keys(), []);
    const [one, other] = [aKey('sb_1'), aKey('sb_2', { createdAt: now + 1, expiresAt: now + day })];
    assert.equal(await store.putKey(one), true);
    assert.equal(await beside.putKey(other), true);
    assert.equal(await store.putKey(aKey('sb_3', { name: one.name })), false);
    assert.deepEqual(await beside.keys(), [other, one]);
    assert.equal((await store.revokeKey('sb_1', now + 5))?.revokedAt, now + 5);
    assert.equal((await beside.revokeKey('sb_1', now + 9))?.revokedAt, now + 5, 'the first time counts');
    assert.equal(await store.revokeKey('sb_9', now), undefined);
    assert.equal(await store.putKey(aKey('sb_3', { name: one.name, createdAt: now + 2 })), true);
    assert.deepEqual(
      (await store.keys()).map((key) => key.id),
      ['sb_3', 'sb_2', 'sb_1'],
    );
  });

  withStore('gives a name to one of those who ask for it at once', async ({ store, beside = store }) => {
    const asked = Array.from({ length: 8 }, (_, n) =>
      (n % 2 ? store : beside).putKey(aKey(`sb_${n}`, { name: 'one' })),
    );
    assert.equal((await Promise.all(asked)).filter(Boolean).length, 1);
    assert.equal((await store.keys()).length, 1);
  });

  withStore('forgets keys that nobody can use, after more than a year', async ({ store }) => {
    await store.putKey(aKey('sb_1', { expiresAt: now + 1 }));
    await store.putKey(aKey('sb_2'));
    await store.revokeKey('sb_2', now + 1);
    await store.putKey(aKey('sb_3', { createdAt: now + 399 * day }));
    assert.equal((await store.keys()).length, 3);
    await store.putKey(aKey('sb_4', { createdAt: now + 401 * day }));
    assert.deepEqual(
      (await store.keys()).map((key) => key.id),
      ['sb_4', 'sb_3'],
    );
  });

  withStore('remembers when keys were used, and never an earlier time', async ({ store, beside = store }) => {
    for (const id of ['sb_1', 'sb_2', 'sb_3']) await store.putKey(aKey(id));
    await Promise.all([
      store.touchKeys(new Map([['sb_1', now + 5]])),
      beside.touchKeys(
        new Map([
          ['sb_2', now + 7],
          ['sb_1', now + 3],
          ['sb_9', now],
        ]),
      ),
    ]);
    const used = new Map((await store.keys()).map((key) => [key.id, key.lastUsedAt]));
    assert.deepEqual([used.get('sb_1'), used.get('sb_2'), used.get('sb_3')], [now + 5, now + 7, null]);
  });

  withStore('keeps sessions until they end', async ({ store, beside = store }) => {
    await store.putSession(aSession('a'));
    await store.putSession(aSession('b', { keyId: null }));
    assert.deepEqual(await beside.session('a'), aSession('a'));
    assert.equal((await beside.session('b'))?.keyId, null);
    assert.equal(await store.session('c'), undefined);
    await beside.touchSession('a', now + 60_000);
    await beside.touchSession('a', now + 30_000);
    assert.equal((await store.session('a'))?.seenAt, now + 60_000);
    assert.equal(await beside.deleteSession('a'), true);
    assert.equal(await store.deleteSession('a'), false);
    await store.putSession(aSession('d', { createdAt: now + day, expiresAt: now + 2 * day }));
    assert.equal(await store.session('b'), undefined, 'what is past its time goes with the next one');
  });

  withStore(
    'lets a token be used once, whoever asks, until it expires',
    async ({ store, beside = store }) => {
      const asked = Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? store : beside).useToken("a'; --", now + 1_000, now),
      );
      assert.equal((await Promise.all(asked)).filter(Boolean).length, 1);
      assert.equal(await store.useToken('other', now + 1_000, now), true);
      assert.equal(await store.useToken("a'; --", now + 3_000, now + 999), false);
      assert.equal(await store.useToken("a'; --", now + 3_000, now + 1_000), true);
    },
  );
}

/** What operators did: what every store tells of it. */
export function testAudit(withStore: WithStore): void {
  const act = (target: string): OperatorAct => ({
    ...{ act: 'runs.cancel', target, actor: 'me', actorKind: 'key', actorId: 'sb_1', session: null },
    ...{ address: '127.0.0.1', route: 'POST /runs/:run_id/cancel' },
  });
  const end = { outcome: 'done', status: 200, code: null } as const;

  withStore('tells acts with their ends, newest first, in pages', async ({ store, beside = store }) => {
    const facts = ['a', 'b', 'c'].map((target, n) => actFact(act(target), now + n));
    for (const fact of facts) await store.append([fact]);
    await beside.append([actEndFact(facts[1]!.id, end, now + 9)]);
    await store.append([actEndFact(facts[1]!.id, { ...end, outcome: 'failed' }, now + 10)]);
    const first = await beside.acts({ limit: 2 });
    assert.deepEqual(first.acts, [
      { id: facts[2]!.id, at: now + 2, ...act('c'), end: null },
      { id: facts[1]!.id, at: now + 1, ...act('b'), end: { ...end, at: now + 9 } },
    ]);
    const { acts, next } = await store.acts({ limit: 2, after: first.next! });
    assert.deepEqual([acts.map(({ target }) => target), next], [['a'], undefined]);
    assert.deepEqual(await store.counts(), {}, 'they are of no conversation');
    await assert.rejects(store.acts({ after: "'" }), { code: 'invalid_request' });
  });
}
