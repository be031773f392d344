import type { FastifyReply } from 'fastify';
import { html } from './html.ts';
import { accountPlace, pagePolicy } from './layout.ts';

export function sendPage(reply: FastifyReply, text: string): FastifyReply {
  reply.header('content-security-policy', pagePolicy).header('cache-control', 'no-store');
  const { caller } = reply.request;
  const account =
    caller?.session !== undefined &&
    html`<form class="account" method="post" action="/sign-out"><span>${caller.name}</span><button type="submit">Sign out</button></form>`;
  return reply.type('text/html; charset=utf-8').send(text.replace(accountPlace, () => String(account || '')));
}
