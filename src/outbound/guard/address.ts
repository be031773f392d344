import { BlockList, isIP, SocketAddress } from 'node:net';

/**
 * Which addresses are not for everybody, by the registries of special-purpose addresses
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry).
 * Metadata services come first: their ranges lie in others.
 */
const special: readonly (readonly [kind: string, ...networks: string[]])[] = [
  // AWS, GCP, Azure and others; ECS; EKS pods; Alibaba Cloud; Oracle and IBM; AWS over IPv6; GCP over IPv6.
  [
    'a metadata service',
    ...[
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '100.100.100.200/32',
      '192.0.0.192/32',
    ],
    ...['168.63.129.16/32', 'fd00:ec2::/32', 'fd20:ce::254/128'],
  ],
  ['unspecified', '0.0.0.0/8', '::/128'],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10', '64:ff9b:1::/48'],
  ['shared by carriers (RFC 6598)', '100.64.0.0/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  [
    'reserved',
    ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'],
    ...['203.0.113.0/24', '240.0.0.0/4', '100::/64', '2001::/23', '2001:db8::/32', '3fff::/20', '5f00::/16'],
  ],
];

const lists = special.map(([kind, ...networks]) => ({ kind, list: listOf(networks) }));

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, length] = network.split('/');
    list.addSubnet(address!, Number(length), address!.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** What an address is that is not for everybody: `loopback`, `private` …; undefined for one of the public internet. */
export function specialKindOf(address: string): string | undefined {
  const family = isIP(address);
  if (family === 0) return 'no address';
  if (family === 4) return kindIn(address, 'ipv4');
  const [plain = address] = address.split('%');
  const inner = embedded(plain);
  if (inner === undefined) return kindIn(plain, 'ipv6') ?? (isGlobal(plain) ? undefined : 'reserved');
  // Whoever translates may be anywhere, so what is inside counts, wherever it leads.
  return kindIn(inner, 'ipv4') ?? kindIn(plain, 'ipv6');
}

const kindIn = (address: string, family: 'ipv4' | 'ipv6'): string | undefined =>
  lists.find(({ list }) => list.check(address, family))?.kind;

/** All that is given out for everybody (RFC 4291, section 2.4; IANA has given out nothing else). */
const global = listOf(['2000::/3']);
const isGlobal = (address: string): boolean => global.check(address, 'ipv6');

/** The IPv4 address that an IPv6 address stands for, if any. */
function embedded(address: string): string | undefined {
  const words = wordsOf(address);
  const at = (index: number) => dotted(words[index]!, words[index + 1]!);
  const begins = (...prefix: number[]) => prefix.every((word, index) => words[index] === word);
  const isZero = begins(0, 0, 0, 0, 0, 0) && (words[6] !== 0 || words[7]! > 1);
  // Mapped (RFC 4291), translated (RFC 2765) and compatible (deprecated) forms.
  if (isZero || begins(0, 0, 0, 0, 0, 0xffff) || begins(0, 0, 0, 0, 0xffff, 0)) return at(6);
  // NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo, which inverts it (RFC 4380), ISATAP (RFC 5214).
  if (begins(0x64, 0xff9b, 0, 0, 0, 0)) return at(6);
  if (begins(0x2002)) return at(1);
  if (begins(0x2001, 0)) return dotted(words[6]! ^ 0xffff, words[7]! ^ 0xffff);
  if ((words[4] === 0 || words[4] === 0x200) && words[5] === 0x5efe) return at(6);
  return undefined;
}

const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');

/** The eight words of an IPv6 address. */
function wordsOf(address: string): number[] {
  // In its canonical form, but for a dotted end of mapped addresses.
  const text = new SocketAddress({ address, family: 'ipv6' }).address;
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':').flatMap(wordsOfPart);
  const right = tail === undefined || tail === '' ? [] : tail.split(':').flatMap(wordsOfPart);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function wordsOfPart(part: string): number[] {
  if (!part.includes('.')) return [Number.parseInt(part, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
  return [(a << 8) | b, (c << 8) | d];
}
