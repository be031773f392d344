import type { Secret } from '../../core/secret.ts';
import type { Sender } from '../../outbound/send.ts';
import type { Signer } from '../../outbound/sign.ts';
import type { Notifier } from './notify.ts';
import { plainLine } from './plain-text.ts';
import { addressOf, type PostedTo, post } from './post.ts';

const place: PostedTo = { place: 'The webhook for notifications' };

/** Any URL: the notification as JSON, signed as deliveries are (Standard Webhooks). */
export function createWebhookNotifier(
  configured: Secret,
  {
    sender,
    sign,
    clock = Date.now,
  }: { readonly sender: Sender; readonly sign: Signer; readonly clock?: () => number },
): Notifier {
  const { url, authorization } = addressOf(configured.reveal());
  return {
    name: 'webhook',
    send: ({ id, at, level, title, text, facts, link }, signal) => {
      const data = { id, level, title: plainLine(title, 1_000), text, facts, ...(link && { link }) };
      const body = JSON.stringify({ type: 'notification', timestamp: new Date(at).toISOString(), data });
      const headers = {
        'content-type': 'application/json',
        ...(authorization !== undefined && { authorization }),
        ...sign({ id, atMs: clock(), body }),
      };
      return post(sender, { url, trust: 'operator', headers, body }, place, signal);
    },
  };
}
