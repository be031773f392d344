import assert from 'node:assert/strict';
import type { Source } from '../../inbound/source.ts';
import type { WithStore } from './contract.ts';

/** Sources of webhooks, and endpoints that are gone: what every store keeps of them. */
export function testSourcesAndEndpoints(withStore: WithStore): void {
  withStore('disables endpoints until they are enabled again', async ({ store }) => {
    const endpoint = { url: 'https://a.example/hook', disabledAt: 1_000, reason: '410' };
    await store.disableEndpoint(endpoint);
    await store.disableEndpoint({ ...endpoint, disabledAt: 2_000, reason: 'again' });
    assert.deepEqual(await store.disabledEndpoint(endpoint.url), endpoint);
    assert.deepEqual(await store.disabledEndpoints(), [endpoint]);
    assert.equal(await store.enableEndpoint(endpoint.url), true);
    assert.equal(await store.enableEndpoint(endpoint.url), false);
    assert.equal(await store.disabledEndpoint(endpoint.url), undefined);
  });

  withStore('keeps sources by name, the latest of each', async ({ store }) => {
    const source = (name: string, secret: string): Source => ({
      name,
      scheme: 'github',
      secrets: [{ label: 'secret 1', secret, notAfter: 1_786_699_113_360 }],
      starts: { flow: 'query' },
      options: { input: { query: '{payload.title}' } },
    });
    assert.equal(await store.source('b'), undefined);
    assert.equal(await store.putSource(source('b', 'one')), true);
    assert.equal(await store.putSource(source('a', 'two')), true);
    assert.equal(await store.putSource(source('b', 'three')), false);
    assert.deepEqual(await store.source('b'), source('b', 'three'));
    assert.deepEqual(await store.sources(), [source('a', 'two'), source('b', 'three')]);
    assert.equal(await store.deleteSource('b'), true);
    assert.equal(await store.deleteSource('b'), false);
    assert.deepEqual(await store.sources(), [source('a', 'two')]);
  });
}
