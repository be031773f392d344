import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Html, html } from './html.ts';

export const stylesheet = readFileSync(new URL('style.css', import.meta.url), 'utf8');
const stylesheetHash = createHash('sha256').update(stylesheet).digest('hex').slice(0, 12);

/** No script, no frame, nothing from elsewhere: text of strangers has nothing to run with. */
export const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%23164e4a'/%3E%3Cpath d='M9 26V6' stroke='%23f4f1ea' stroke-width='3' stroke-linecap='round'/%3E%3Cpath d='M10 8h14l-4 4 4 4H10z' fill='%23f2a03d'/%3E%3C/svg%3E";

/** Where it says who is signed in. */
export const accountPlace = '<!-- account -->';

export interface PageOptions {
  readonly title: string;
  readonly content: Html;
  /** Seconds until the page loads itself again. */
  readonly refreshSeconds?: number | undefined;
  /** Stands at the right of the page's head. */
  readonly status?: Html;
}

export function page({ title, content, refreshSeconds, status }: PageOptions): string {
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${title} · Signalbox</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="/style.css?v=${stylesheetHash}">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7"/><path class="mast" d="M9 26V6"/><path class="arm" d="M10 8h14l-4 4 4 4H10z"/></svg>Signalbox</a>
<nav aria-label="Pages"><a href="/">Conversations</a><a href="/page/dead-letters">Dead letters</a><a href="/docs">API</a></nav>
${status}${new Html(accountPlace)}
</div></header>
<main id="main" class="wide">
${content}
</main>
</body>
</html>
`);
}
