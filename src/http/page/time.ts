import { describeDuration } from '../../core/duration.ts';
import { type Html, html } from './html.ts';

/** `3 min ago`, with the time itself for those who hover or parse. */
export function timeAgo(at: number, now: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${readable(at)}">${relative(at, now)}</time>`;
}

/** `21 Nov 2026, 04:19:44 UTC`, with how long ago. */
export function timeAt(at: number, now: number): Html {
  return html`<time datetime="${new Date(at).toISOString()}">${readable(at)}</time> <span class="soft">(${relative(at, now)})</span>`;
}

export function clockTime(at: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${readable(at)}">${iso.slice(11, 23)}</time>`;
}

function relative(at: number, now: number): string {
  const distanceMs = Math.abs(now - at);
  if (distanceMs < 2_000) return 'now';
  const [coarse] = describeDuration(Math.floor(distanceMs / 1_000) * 1_000).match(/^[\d.]+ \w+/) ?? [''];
  return at > now ? `in ${coarse}` : `${coarse} ago`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function readable(at: number): string {
  const date = new Date(at);
  const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day}, ${date.toISOString().slice(11, 19)} UTC`;
}
