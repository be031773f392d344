import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { SignalboxError } from '../core/errors.ts';

/**
 * What Node's parser lets through and two readers could understand in two ways: then one before us (a proxy, a cache) may have let in
 * another request than the one we read. Throws `malformed_request`.
 */
export function checkForm(request: IncomingMessage): void {
  checkVersion(request);
  const host = hostOf(request);
  checkTarget(request.url ?? '', host);
}

function checkVersion({ httpVersion, headers }: IncomingMessage): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw malformed(`The request is of HTTP/${httpVersion}; 1.1 is spoken here, and 1.0.`);
  }
  // RFC 9112, section 6.1: such a message is likely to be framed otherwise than was meant.
  if (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined) {
    throw malformed('A request of HTTP/1.0 has no Transfer-Encoding; send Content-Length.');
  }
}

/** RFC 9112, section 3.2: a request has one Host, and that is a host and perhaps a port. */
function hostOf({ rawHeaders, httpVersion }: IncomingMessage): string {
  const hosts: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === 'host')
      hosts.push(rawHeaders[at + 1]!);
  }
  if (hosts.length !== 1 && !(hosts.length === 0 && httpVersion !== '1.1')) {
    throw malformed(`The request has ${hosts.length} Host headers; one is expected.`);
  }
  const [host = ''] = hosts;
  // RFC 3986, section 3.2.2, without user information.
  if (/^(\[[0-9a-f:.]+\]|[\w.~!$&'()*+;=%-]*)(:\d{0,5})?$/i.test(host)) return host;
  throw malformed(`The Host ${JSON.stringify(host.slice(0, 120))} is no host.`);
}

/** RFC 9112, section 3.2.2: a whole URL in the place of a path names the host once more. */
function checkTarget(target: string, host: string): void {
  if (target.startsWith('/') || target === '*') return;
  const url = URL.parse(target);
  const named = url?.protocol === 'http:' || url?.protocol === 'https:' ? url.host : undefined;
  if (named !== undefined && named === URL.parse(`${url!.protocol}//${host}`)?.host && url!.username === '')
    return;
  throw malformed(`${JSON.stringify(target.slice(0, 120))} is neither a path nor a URL of this host.`);
}

/**
 * A number of the query that no double holds exactly, or none at all. Ajv takes `1e1000` for an integer, which is then within every
 * limit. Throws `invalid_request`.
 */
export async function refuseVastNumbers({ query }: FastifyRequest): Promise<void> {
  for (const [path, value] of Object.entries(query as Readonly<Record<string, unknown>>)) {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) continue;
    const message = 'must be a whole number below 2^53';
    throw new SignalboxError('invalid_request', `The request is not valid: querystring/${path} ${message}.`, {
      fields: [{ path: `querystring/${path}`, message }],
    });
  }
}

/**
 * A query of a read that is not percent-encoded UTF-8: what it asks for would be taken for other characters, and nothing found.
 * Throws `malformed_request`.
 */
export async function refuseOddQuery({ method, url }: FastifyRequest): Promise<void> {
  const query = url.indexOf('?');
  if (query < 0 || (method !== 'GET' && method !== 'HEAD') || !url.includes('%', query)) return;
  try {
    decodeURIComponent(url.slice(query));
  } catch {
    throw malformed('The query is not percent-encoded UTF-8 (RFC 3986, section 2.1).');
  }
}

/** Bodies come as they are, and JSON in UTF-8. Throws `unsupported_media_type`. */
export function refuseEncoding({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  // "Content codings are case-insensitive" (RFC 9110, section 8.4.1).
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity') return;
  throw unsupported(
    `The content encoding ${JSON.stringify(encoding.slice(0, 80))} is not accepted. Send the body as it is.`,
  );
}

/** RFC 8259, section 8.1. Throws `unsupported_media_type`. */
export function refuseCharset({ headers }: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw unsupported(
    `JSON is read in UTF-8; the charset ${JSON.stringify(charset.slice(0, 80))} is not accepted.`,
  );
}

const malformed = (message: string) => new SignalboxError('malformed_request', message);
const unsupported = (message: string) => new SignalboxError('unsupported_media_type', message);
