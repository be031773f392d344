import { SignalboxError } from '../../core/errors.ts';
import type { OutboundMessage, Sender } from '../../outbound/send.ts';

const longestRetryAfterMs = 3_600_000;

/** Posts to a place that answers as webhooks do. Throws what the notify port says; `place` is how people call it. */
export async function post(
  sender: Sender,
  message: OutboundMessage,
  place: string,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await sender.send(message, signal);
  if (outcome.kind === 'delivered') return;
  const { statusCode, retryAfterMs } = outcome;
  throw notificationFailed(place, outcome.reason, {
    retryable: statusCode === null || statusCode === 408 || statusCode === 429 || statusCode >= 500,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.min(retryAfterMs, longestRetryAfterMs) }),
  });
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
