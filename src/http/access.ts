import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mayDo, type Scope } from '../core/api-keys.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Caller } from '../identity/caller.ts';
import type { Callers } from '../identity/callers.ts';
import { readSessionCookie } from './session-cookie.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; undefined where anybody may. */
    caller?: Caller;
  }
}

type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Asks every route of this instance for a key with one of the scopes. */
export function restrict(app: FastifyInstance, callers: Callers, ...scopes: readonly Scope[]): void {
  nameScopes(app, ...scopes);
  app.addHook('onRequest', requireScope(callers, ...scopes));
}

/** Says in `/openapi.json` which scopes the routes of this instance ask for. */
export function nameScopes(app: FastifyInstance, ...scopes: readonly Scope[]): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, scopes };
  });
}

/**
 * Lets in whoever presents a key with one of the scopes, as `Authorization: Bearer`, `X-API-Key`, or (a browser) as the
 * password of HTTP Basic. With no key configured everybody is let in, because then only this machine can call.
 */
export function requireScope(callers: Callers, ...scopes: readonly Scope[]): Guard {
  return async (request) => {
    if (callers.isOpen) return;
    const presented = presentedKey(request);
    const found = presented === undefined ? sessionOf(request, callers) : callers.identify(presented);
    // Most are known at once, and then nothing is waited for.
    const caller = found instanceof Promise ? await found : found;
    if (caller === undefined) throw unauthenticated(presented !== undefined);
    request.caller = caller;
    if (!scopes.some((scope) => mayDo(caller, scope))) throw forbidden(caller, scopes);
  };
}

/** Knows whoever has signed in, and lets everybody in. */
export function identifySession(callers: Callers): Guard {
  return async (request) => {
    const caller = callers.isOpen ? undefined : await sessionOf(request, callers);
    if (caller !== undefined) request.caller = caller;
  };
}

/**
 * A browser sends the cookie with whatever a page makes it send. `SameSite` keeps it from what pages of other sites send; pages of a sibling
 * host, and browsers that know nothing of `SameSite`, are told by the origin, without which nothing is changed here.
 */
function sessionOf(request: FastifyRequest, callers: Callers): Promise<Caller | undefined> | undefined {
  const token = readSessionCookie(request, callers.publicUrl);
  if (token === undefined) return undefined;
  const changes = request.method !== 'GET' && request.method !== 'HEAD';
  if (changes && !isOwnOrigin(request, callers.publicUrl)) throw originNotAllowed(request);
  return callers.sessions.find(token);
}

function isOwnOrigin({ headers }: FastifyRequest, publicUrl: string | undefined): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin === undefined) return site === 'same-origin';
  const url = URL.parse(origin);
  return url !== null && (url.host === host || url.origin === URL.parse(publicUrl ?? '')?.origin);
}

function presentedKey({ headers }: FastifyRequest): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string') return own;
  const [scheme, credentials, ...rest] = (headers.authorization ?? '').split(' ');
  if (credentials === undefined || rest.length > 0) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return credentials;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(credentials, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

function unauthenticated(presented: boolean): SignalboxError {
  const seen = presented ? 'The API key is not one of this server.' : 'No API key was sent.';
  return new SignalboxError(
    'unauthenticated',
    `${seen} Send one (of SIGNALBOX_API_KEYS or signalbox keys create) as "Authorization: Bearer <key>" or "X-API-Key: <key>".`,
  );
}

function forbidden(caller: Caller, scopes: readonly Scope[]): SignalboxError {
  return new SignalboxError(
    'forbidden',
    `"${caller.name}" has the scopes ${caller.scopes.join(', ')}; this needs ${scopes.join(' or ')}.`,
  );
}

/**
 * Keeps pages of other sites out. DNS rebinding lets a page reach a loopback address under a name of its own, so
 * without keys the `Host` must be a loopback one and any `Origin` must be the same as it. With keys a browser may hold
 * credentials for us, so whatever changes something must not come from another origin.
 */
export function checkCaller(callers: Callers): Guard {
  return async (request) => {
    // Whoever signs is no page.
    if (request.routeOptions.config.callerIsVerified) return;
    const open = callers.isOpen;
    if (open && !isLoopbackHost(request.headers.host ?? '')) throw hostNotAllowed(request);
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    const ignoresOrigin = !open && request.routeOptions.config.originIsSender === true;
    if (!open && !changes) return;
    if (!request.originIsAllowed && isForeign(request, ignoresOrigin)) throw originNotAllowed(request);
  };
}

/** https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site: browsers alone send it, pages can't change it. */
function isForeign({ headers, method }: FastifyRequest, ignoresOrigin: boolean): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return false;
  const navigates = headers['sec-fetch-mode'] === 'navigate' && method === 'GET';
  if (site !== undefined && !navigates) return true;
  return !ignoresOrigin && origin !== undefined && URL.parse(origin)?.host !== host;
}

export function isLoopbackHost(host: string): boolean {
  const name = URL.parse(`http://${host}`)?.hostname ?? '';
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

function hostNotAllowed(request: FastifyRequest): SignalboxError {
  const seen = JSON.stringify((request.headers.host ?? '').slice(0, 120));
  return new SignalboxError(
    'host_not_allowed',
    `The Host ${seen} is not this machine's. Call http://localhost or http://127.0.0.1, or make a key (signalbox keys create).`,
  );
}

function originNotAllowed(request: FastifyRequest): SignalboxError {
  const seen = JSON.stringify((request.headers.origin ?? 'another site').slice(0, 120));
  return new SignalboxError('origin_not_allowed', `Pages of ${seen} may not call this server.`);
}
