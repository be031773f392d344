import { SignalboxError } from '../../core/errors.ts';
import type { OutboundMessage, Sender } from '../../outbound/send.ts';

const longestRetryAfterMs = 3_600_000;

export interface PostedTo {
  /** How people call it. */
  readonly place: string;
  /** What speaks against a 2xx of this place, by the beginning of its body; undefined for nothing. Without it each 2xx is taken. */
  readonly doubtOf?: (bodyStart: string) => string | undefined;
}

/** Posts to a place that answers as webhooks do. Throws what the notify port says. */
export async function post(
  sender: Sender,
  message: OutboundMessage,
  { place, doubtOf = () => undefined }: PostedTo,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await sender.send(message, signal);
  if (outcome.kind === 'delivered') {
    const doubt = doubtOf(withoutAddress(outcome.bodyStart, message.url));
    if (doubt === undefined) return;
    throw notificationFailed(place, `It answered ${outcome.statusCode}, but ${doubt}`, { retryable: true });
  }
  const { statusCode, retryAfterMs } = outcome;
  throw notificationFailed(place, withoutAddress(outcome.reason, message.url), {
    retryable: statusCode === null || statusCode === 408 || statusCode === 429 || statusCode >= 500,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.min(retryAfterMs, longestRetryAfterMs) }),
  });
}

/** A page may say what was asked for, and that is a secret. */
function withoutAddress(text: string, address: string): string {
  const { pathname, search, searchParams } = new URL(address);
  const parts = [...pathname.split('/'), ...searchParams.values()].filter((part) => part.length >= 16);
  const secrets = [search, pathname, ...parts].filter((part) => part.length > 1);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
}

export function notificationFailed(
  place: string,
  reason: string,
  options: { readonly retryable: boolean; readonly retryAfterMs?: number; readonly cause?: unknown },
): SignalboxError {
  const advice = options.retryable ? '' : ' It is not tried again: look at its address and what it allows.';
  const ended = /[.!?]$/.test(reason) ? reason : `${reason}.`;
  return new SignalboxError('notification_failed', `${place} did not take it. ${ended}${advice}`, options);
}

/** A configured URL without its credentials, which go into a header. */
export function addressOf(configured: string): { readonly url: string; readonly authorization?: string } {
  const url = new URL(configured);
  if (url.username === '' && url.password === '') return { url: configured };
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
