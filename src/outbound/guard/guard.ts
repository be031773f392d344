import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { SignalboxError } from '../../core/errors.ts';
import { specialKindOf } from './address.ts';
import { type OutboundAllow, plainHost } from './allow.ts';

/** Looks up all addresses of a name, as `dns.lookup` does. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Where a URL that came from data may lead. A name is looked up once for each connection, every address of it is looked at, and the
 * connection goes to what was looked at: there is no second answer of DNS that could say something else.
 */
export interface OutboundGuard {
  /** Throws `destination_refused` for what can be told without a lookup: another scheme, credentials, an address. */
  checkUrl(url: URL): void;
  /** As `checkUrl`, for the host of a connection. */
  checkHost(host: string): void;
  /** For `net.connect`: gives the addresses of a name, or `destination_refused` where one of them is not for everybody. */
  readonly lookup: LookupFunction;
}

export function createOutboundGuard(allow: OutboundAllow, lookup: LookupAll = systemLookup): OutboundGuard {
  const checkHost = (host: string) => {
    const name = plainHost(host);
    if (isIP(name) !== 0 && !allow.host(name)) checkAddress(allow, name, name);
  };
  return {
    checkUrl(url) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:')
        throw refused(`${url.protocol} is no scheme that is called; http and https are.`);
      if (url.username !== '' || url.password !== '')
        throw refused('The URL has credentials in it, which one from elsewhere must not.');
      checkHost(url.hostname);
    },
    checkHost,
    lookup(hostname, options, callback) {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, '', 0);
        if (addresses.length === 0)
          return callback(refused(`${JSON.stringify(hostname.slice(0, 253))} has no address.`), '', 0);
        try {
          if (!allow.host(hostname))
            for (const { address } of addresses) checkAddress(allow, address, hostname);
        } catch (refusal) {
          return callback(refusal as Error, '', 0);
        }
        if (options.all !== true) return callback(null, addresses[0]!.address, addresses[0]!.family);
        return callback(null, addresses);
      });
    },
  };
}

function checkAddress(allow: OutboundAllow, address: string, host: string): void {
  const kind = specialKindOf(address);
  if (kind === undefined || allow.address(address)) return;
  // The address is not told: who gave the URL may not be one who should know what names inside lead to.
  throw refused(
    `${JSON.stringify(host.slice(0, 253))} leads to an address that is not for everybody (${kind}). If it is meant, name it in SIGNALBOX_OUTBOUND_ALLOW.`,
  );
}

const refused = (detail: string) => new SignalboxError('destination_refused', detail);
