import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { identifySession } from '../access.ts';
import type { AppPorts } from '../ports.ts';
import { clearSessionCookie, readSessionCookie, setSessionCookie } from '../session-cookie.ts';
import { htmlPage } from '../shapes/parts.ts';
import { html } from './html.ts';
import { page } from './layout.ts';
import { sendPage } from './send.ts';

const seeOther = { 303: { description: 'To the page that was asked for.', type: 'null' } };
const form = (members: Record<string, ReturnType<typeof Type.String>>) => ({
  content: { 'application/x-www-form-urlencoded': { schema: Type.Object(members) } },
});

const nextPage = Type.Object({
  next: Type.Optional(Type.String({ maxLength: 2_000, description: 'The page to go on with.' })),
});

const schemas = {
  show: { summary: 'Show the form to sign in', querystring: nextPage, response: htmlPage },
  begin: {
    summary: 'Sign in with an API key',
    acceptedBody: form({ key: Type.String(), next: Type.String() }),
    response: seeOther,
  },
  end: { summary: 'Sign out', response: seeOther },
};

/** Of tries that fail, from one address. */
const triesLimit = { count: 20, windowMs: 60_000 };

/** `GET` and `POST /sign-in`, `POST /sign-out`: the session of a browser. */
export function registerSignIn(app: FastifyInstance, ports: AppPorts): void {
  const { callers, rateLimits } = ports;

  app.get<{ Querystring: { next?: string } }>(
    '/sign-in',
    { schema: schemas.show },
    async (request, reply) => {
      const next = ownPath(request.query.next);
      if (callers.isOpen) return reply.redirect(next, 303);
      return sendPage(reply, signInPage(next));
    },
  );

  // Before the audit has its line, so that it knows who signs in.
  const identify = async (request: FastifyRequest) => {
    const key = (request.body as URLSearchParams | null)?.get('key')?.trim() ?? '';
    const found = callers.isOpen || key === '' ? undefined : await callers.identify(key);
    if (found?.kind === 'key') {
      request.caller = found;
      return;
    }
    // Only who has no key is held back: nobody finds one by trying, and others at the same address have theirs.
    const { allowed, resetMs } = await rateLimits.take(`sign-in ${request.ip}`, triesLimit);
    if (!allowed) throw tooMany(resetMs);
  };

  app.post<{ Body: URLSearchParams | null }>(
    '/sign-in',
    { schema: schemas.begin, preValidation: identify },
    async (request, reply) => {
      const next = ownPath(request.body?.get('next') ?? undefined);
      const { caller } = request;
      if (caller === undefined) return sendPage(reply.code(401), signInPage(next, true));
      const session = await callers.sessions.begin(caller, readSessionCookie(request, callers.publicUrl));
      setSessionCookie(reply, session, callers.publicUrl);
      return reply.header('cache-control', 'no-store').redirect(next, 303);
    },
  );

  app.post(
    '/sign-out',
    { schema: schemas.end, onRequest: identifySession(callers) },
    async (request, reply) => {
      const token = readSessionCookie(request, callers.publicUrl);
      if (token !== undefined) await callers.sessions.end(token);
      clearSessionCookie(reply);
      return reply.redirect('/sign-in', 303);
    },
  );
}

/** Who is not signed in is asked to, and comes back. */
export function askToSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.redirect(`/sign-in?next=${encodeURIComponent(request.originalUrl)}`, 303);
}

/** A path of this server; anything else is the first page. */
export function ownPath(next: string | undefined): string {
  if (next === undefined || !/^\/(?![/\\])[\x21-\x7e]*$/.test(next) || next.length > 2_000) return '/';
  const url = URL.parse(next, 'http://own.invalid');
  return url?.host === 'own.invalid' && !url.pathname.startsWith('//') ? `${url.pathname}${url.search}` : '/';
}

function signInPage(next: string, failed = false): string {
  const content = html`<div class="empty"><h1>Sign in</h1>
${failed && html`<p role="alert">This key is not one of this server, has expired or was revoked.</p>`}
<form class="sign-in" method="post" action="/sign-in">
<input type="hidden" name="next" value="${next}">
<label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus maxlength="512">
<button class="primary" type="submit">Sign in</button>
</form></div>`;
  return page({ title: 'Sign in', content });
}

const tooMany = (resetMs: number) =>
  new SignalboxError('rate_limited', 'Too many tries to sign in from this address. Wait a minute.', {
    retryAfterMs: resetMs,
  });
