import { isIP } from 'node:net';
import { type Networks, parseNetworks } from '../../core/networks.ts';

/** What may be called although it is not for everybody: `SIGNALBOX_OUTBOUND_ALLOW`. */
export interface OutboundAllow {
  host(name: string): boolean;
  address(address: string): boolean;
}

export const allowNothing: OutboundAllow = { host: () => false, address: () => false };

const hostPattern = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*$/;

/** Reads comma-separated hosts (`crm.internal`, `*.internal`), addresses and CIDRs; undefined when one of them is neither. */
export function parseOutboundAllow(text: string): OutboundAllow | undefined {
  const parts = text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
  const isNetwork = (part: string) => part.includes('/') || isIP(part) !== 0;
  const networks: Networks | undefined = parseNetworks(parts.filter(isNetwork).join(','));
  const hosts = parts.filter((part) => !isNetwork(part));
  // `1.2.3` and `10` are no hosts, whatever they are.
  if (networks === undefined || hosts.some((host) => !hostPattern.test(host) || /(^|\.)\d+$/.test(host)))
    return undefined;
  return {
    host: (name) => hosts.some((host) => matches(host, plainHost(name))),
    address: (address) => networks.includes(address),
  };
}

const matches = (host: string, name: string): boolean =>
  host.startsWith('*.') ? name.endsWith(host.slice(1)) : name === host;

/** Without the dot at its end, and without the brackets of an IPv6 address. */
export const plainHost = (name: string): string => name.toLowerCase().replace(/^\[|\]$|\.$/g, '');
