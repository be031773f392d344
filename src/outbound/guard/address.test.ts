import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { specialKindOf } from './address.ts';

const kinds: readonly [kind: string | undefined, ...addresses: string[]][] = [
  [
    undefined,
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '169.253.0.1',
  ],
  [
    undefined,
    '2606:4700:4700::1111',
    '2001:4860:4860::8888',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1'],
  [
    'loopback',
    '0:0:0:0:0:ffff:7f00:0001',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::ffff:0:127.0.0.1',
    'fe80::5efe:127.0.0.1',
  ],
  ['loopback', '2001:0:4136:e378:8000:63bf:80ff:fffe', '2001:db8::200:5efe:127.0.0.1'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1', 'fec0::1'],
  ['private', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '64:ff9b:1::1', '2002:a00:1::1', '::ffff:c0a8:101'],
  ['link-local', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.1.1'],
  [
    'a metadata service',
    '169.254.169.254',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    '100.100.100.200',
  ],
  [
    'a metadata service',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
  ],
  ['a metadata service', '168.63.129.16', '192.0.0.192', '169.254.170.2', '169.254.170.23'],
  ['shared by carriers (RFC 6598)', '100.64.0.1', '100.127.255.255', '::ffff:100.64.0.1'],
  ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
  ['unspecified', '0.0.0.0', '0.1.2.3', '::', '::ffff:0.0.0.0'],
  [
    'reserved',
    '255.255.255.255',
    '240.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '203.0.113.7',
    '2001:db8::1',
    '2001:2::1',
    '2001:20::1',
    '4000::1',
    '8000::1',
    '100::1',
  ],
  ['no address', '', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3.4.5', '::g'],
];

for (const [kind, ...addresses] of kinds) {
  test(`${addresses.join(', ')}: ${kind ?? 'public'}`, () => {
    for (const address of addresses) assert.equal(specialKindOf(address), kind, address);
  });
}

test('every way to write an IPv4 address in IPv6 is told like the address itself', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
      const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
      const kind = specialKindOf(address);
      for (const form of [
        `::ffff:${address}`,
        `::ffff:${high}:${low}`,
        `64:ff9b::${high}:${low}`,
        `2002:${high}:${low}::`,
      ]) {
        assert.equal(specialKindOf(form), kind, form);
      }
    }),
  );
});

test('any IPv6 address is told without an error', () => {
  fc.assert(fc.property(fc.ipV6(), (address) => void specialKindOf(address)));
});
