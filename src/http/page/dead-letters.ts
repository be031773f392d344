import type { RunPage } from '../../engine/engine.ts';
import { html } from './html.ts';
import { page } from './layout.ts';
import { emptyState, pill } from './parts.ts';
import { timeAgo } from './time.ts';

export function deadLettersPage(runs: RunPage, now: number): string {
  const rows = runs.runs.map((run) => {
    const { trackingId, query } = (run.input ?? {}) as { trackingId?: string; query?: string };
    return html`<li class="row"><span class="line"><strong>${trackingId === undefined ? run.flow : html`<a href="/page/conversations/${trackingId}">${query?.slice(0, 200) ?? trackingId}</a>`}</strong>${pill(run.flow, 'bad')}</span>
<span class="answer-start">${run.error?.message}</span>
<span class="line"><span class="meta"><span>${timeAgo(run.endedAt ?? run.createdAt, now)}</span><span class="mono">${run.runId}</span></span>
<form method="post" action="/page/dead-letters/${run.runId}/replay"><button type="submit">Start anew</button></form></span></li>`;
  });
  return page({
    title: 'Dead letters',
    content: html`<h1>Dead letters</h1><p class="soft">What failed for good: nothing is lost, and each can be started anew.</p>
${rows.length === 0 ? emptyState('None', 'Everything that was accepted has been answered and delivered, or still is on its way.') : html`<ul class="list">${rows}</ul>`}
${runs.next !== undefined && html`<nav class="pager" aria-label="More"><a href="/page/dead-letters?after=${runs.next}">Earlier</a></nav>`}`,
  });
}
