import type { FastifyReply } from 'fastify';

/** A year, as browsers that keep lists of such hosts ask for. */
const strictTransport = 'max-age=31536000';

/**
 * What browsers are told with every answer (https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html). What is no page
 * can show and load nothing, and nothing is kept unless its route says so.
 */
export function addSecurityHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(always)) reply.header(name, value);
  if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', nothing);
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  if (isBehindTls(reply)) reply.header('strict-transport-security', strictTransport);
}

const nothing = "default-src 'none'; frame-ancestors 'none'";

const always = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** As the proxy says that ends TLS. Whoever makes it up is told something about its own browser, which ignores it without TLS. */
function isBehindTls({ request }: FastifyReply): boolean {
  const forwarded = request.headers['x-forwarded-proto'];
  return typeof forwarded === 'string' && forwarded.split(',', 1)[0]!.trim().toLowerCase() === 'https';
}
