import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * The cookie of a session. Behind https it has the prefix `__Host-`, which keeps other hosts and plain http from setting it
 * (https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes). We speak plain http
 * ourselves, so that a browser came by https is known from the public URL, or from the `Origin` that it sent.
 */
const secureName = '__Host-signalbox_session';
const plainName = 'signalbox_session';

export function readSessionCookie({ headers }: FastifyRequest, publicUrl?: string): string | undefined {
  if (headers.cookie === undefined) return undefined;
  const pairs = headers.cookie.split(';').map((pair) => pair.trim().split('=', 2) as [string, string?]);
  const find = (name: string) => pairs.find(([key]) => key === name)?.[1];
  // Where everybody comes by https, a cookie without the prefix was set by somebody else.
  return find(secureName) ?? (isHttps(publicUrl) ? undefined : find(plainName));
}

export function setSessionCookie(
  reply: FastifyReply,
  session: { readonly token: string; readonly lifetimeMs: number },
  publicUrl?: string,
): void {
  const secure = isHttps(publicUrl ?? reply.request.headers.origin);
  reply.header('set-cookie', cookie(secure, session.token, Math.floor(session.lifetimeMs / 1_000)));
}

export function clearSessionCookie(reply: FastifyReply): void {
  reply.header('set-cookie', [cookie(true, '', 0), cookie(false, '', 0)]);
}

const isHttps = (url: string | undefined): boolean => url?.startsWith('https://') === true;

const cookie = (secure: boolean, value: string, maxAgeSeconds: number): string =>
  `${secure ? secureName : plainName}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
