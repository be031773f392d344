import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetworks } from './networks.ts';

test('networks and addresses of both families, also IPv4 that came over IPv6', () => {
  const networks = parseNetworks('10.0.0.0/8, 192.0.2.7,2001:db8::/32');
  assert.ok(networks);
  for (const address of ['10.255.0.1', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:1::1']) {
    assert.ok(networks.includes(address), address);
  }
  for (const address of ['11.0.0.1', '::ffff:11.1.2.3', '192.0.2.8', '2001:db9::1', 'localhost', '']) {
    assert.ok(!networks.includes(address), address);
  }
  assert.ok(!parseNetworks('')!.includes('127.0.0.1'));
});

test('what is no network is refused', () => {
  for (const text of [
    '10.0.0.0/33',
    '10.0.0/8',
    'example.com',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '1.2.3.4/-1',
  ]) {
    assert.equal(parseNetworks(text), undefined, text);
  }
});
