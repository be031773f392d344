import type { Health } from '../core/circuit-breaker.ts';
import { parseRetryAfter } from './schedule.ts';

/** What came back over the wire. */
export type Exchange =
  | {
      readonly kind: 'response';
      readonly statusCode: number;
      readonly retryAfter: string | undefined;
      readonly location: string | undefined;
      /** The beginning of the body, as text. */
      readonly bodyStart: string;
      readonly durationMs: number;
    }
  | { readonly kind: 'no_response'; readonly reason: string; readonly durationMs: number };

export type SendOutcome =
  | {
      readonly kind: 'delivered';
      readonly statusCode: number;
      /** The beginning of the body, as text. */
      readonly bodyStart: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly statusCode: number | null;
      readonly reason: string;
      readonly retryAfterMs?: number | undefined;
      /** The receiver is gone and says so (410). */
      readonly gone: boolean;
      readonly health: Health;
      readonly durationMs: number;
    };

/** What an exchange means for a delivery. 2xx is success; redirects are not followed; 410 is for good. */
export function outcomeOf(exchange: Exchange, nowMs: number): SendOutcome {
  const { durationMs } = exchange;
  if (exchange.kind === 'no_response') {
    const { reason } = exchange;
    return { kind: 'failed', statusCode: null, reason, gone: false, health: 'unhealthy', durationMs };
  }
  const { statusCode, bodyStart } = exchange;
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered', statusCode, bodyStart, durationMs };
  const obeys = statusCode === 429 || statusCode === 503;
  return {
    kind: 'failed',
    statusCode,
    reason: reasonOf(exchange),
    retryAfterMs: obeys ? parseRetryAfter(exchange.retryAfter, nowMs) : undefined,
    gone: statusCode === 410,
    health: healthOf(statusCode),
    durationMs,
  };
}

/** A receiver that refuses a message (4xx) is alive; one that breaks or points elsewhere is not well. */
function healthOf(statusCode: number): Health {
  return statusCode >= 400 && statusCode < 500 && statusCode !== 408 ? 'healthy' : 'unhealthy';
}

function reasonOf(response: Extract<Exchange, { kind: 'response' }>): string {
  const { statusCode, location, bodyStart } = response;
  if (statusCode === 410) return 'The receiver answered 410 Gone.';
  if (statusCode >= 300 && statusCode < 400) {
    const target = URL.parse(location ?? '');
    const where = target === null ? '' : ` to ${target.origin}${target.pathname}`;
    return `The receiver answered ${statusCode}, a redirect${where}; redirects are not followed. Configure the final URL.`;
  }
  const shown = bodyStart
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return `The receiver answered ${statusCode}${shown === '' ? '' : `: ${shown}`}`;
}
