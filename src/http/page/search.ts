import type { Part } from '../../record/search/highlight.ts';
import type { FoundConversation, SearchPage } from '../../store/store.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { emptyState, plural, statusPill, typeLabel } from './parts.ts';
import { timeAgo } from './time.ts';

/** Looks for words in questions and answers. */
export function searchForm(search: string): Html {
  return html`<form class="search" method="get" action="/page/search" role="search"><input type="search" name="q" value="${search}" maxlength="500" required aria-label="Search questions and answers" placeholder="words, &quot;a phrase&quot;, begin*, -without"><button type="submit">Search</button></form>`;
}

/** What was found, or why that can't be looked for. */
export function searchPage(
  search: string,
  found: SearchPage | { readonly problem: string },
  now: number,
): string {
  return page({
    title: `Search: ${search.slice(0, 60)}`,
    content: html`<p class="crumb"><a href="/">← All conversations</a></p>
<section aria-labelledby="found"><div class="heading"><h1 id="found">Search</h1>${searchForm(search)}</div>
${'problem' in found ? emptyState('This cannot be looked for', found.problem) : results(search, found, now)}
</section>`,
  });
}

function results(search: string, { found, next, behind }: SearchPage, now: number): Html {
  const late =
    behind > 0 &&
    html`<p class="soft">${plural(behind, 'event')} of the record ${behind === 1 ? 'is' : 'are'} not searched yet.</p>`;
  const more =
    next !== undefined &&
    html`<nav class="pager" aria-label="More"><a href="/page/search?q=${encodeURIComponent(search)}&amp;after=${next}">Earlier</a></nav>`;
  if (found.length > 0)
    return html`<ul class="list">${found.map((each) => row(each, now))}</ul>${more}${late}`;
  const text =
    next === undefined
      ? 'No question and no answer has all of that.'
      : 'Not among the latest ones; look at earlier ones.';
  return html`${emptyState('Nothing found', text)}${more}${late}`;
}

function row({ summary, question, answer }: FoundConversation, now: number): Html {
  return html`<li><a class="row" href="/page/conversations/${summary.trackingId}">
<span class="line"><strong>${question.length === 0 ? summary.queryStart : marked(question)}</strong>${statusPill(summary)}</span>
${answer.length > 0 && html`<span class="answer-start">${marked(answer)}</span>`}
<span class="meta"><span>${timeAgo(summary.receivedAt, now)}</span><span>${summary.sourceSystem}</span><span>${typeLabel(summary.webhookType)}</span></span>
</a></li>`;
}

const marked = (fragments: readonly (readonly Part[])[]): Html =>
  html`${fragments.map(
    (parts, at) =>
      html`${at > 0 ? ' ' : ''}${parts.map(({ text, match }) => (match ? html`<mark>${text}</mark>` : text))}`,
  )}`;
