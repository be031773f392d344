import { BlockList, isIP } from 'node:net';

/** Networks and single addresses, IPv4 and IPv6. */
export interface Networks {
  includes(address: string): boolean;
}

/** Reads comma-separated CIDRs and addresses; undefined when one of them is neither. */
export function parseNetworks(text: string): Networks | undefined {
  const list = new BlockList();
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part !== '' && !add(list, part)) return undefined;
  }
  return {
    includes: (address) => {
      const family = isIP(address);
      return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

function add(list: BlockList, part: string): boolean {
  const [address = '', prefix, ...rest] = part.split('/');
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (family === 0 || rest.length > 0 || length < 0 || length > longest) return false;
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  return true;
}
