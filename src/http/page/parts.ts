import { describeDuration } from '../../core/duration.ts';
import type { ConversationSummary } from '../../store/store.ts';
import { type Html, html } from './html.ts';
import { timeAgo } from './time.ts';

/** What people read instead of the words of the wire, and how it looks. */
const statuses: Readonly<Record<ConversationSummary['status'], readonly [label: string, tone: string]>> = {
  queued: ['Queued', 'busy'],
  processing: ['Thinking', 'busy'],
  awaiting_approval: ['Awaiting approval', 'warn'],
  delivering: ['Delivering', 'busy'],
  delivered: ['Delivered', 'good'],
  delivery_failed: ['Not delivered', 'bad'],
  failed: ['Failed', 'bad'],
};

export function statusPill(summary: ConversationSummary): Html {
  if (summary.deliveryStatus === 'not_configured') return pill('Answered', 'good');
  if (summary.deliveryStatus === 'retrying' && !summary.complete) return pill('Retrying delivery', 'warn');
  const [label, tone] = statuses[summary.status];
  return pill(label, tone);
}

export function pill(label: string, tone: string): Html {
  return html`<span class="pill ${tone}">${label}</span>`;
}

export const typeLabel = (type: ConversationSummary['webhookType']): string => type.replace('_', ' ');

export const count = (value: number): string => value.toLocaleString('en');

export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** `answered in 12 ms · done in 40 ms`. */
export function timing(summary: ConversationSummary): string {
  const parts = [
    summary.answerTimeMs !== null && `answered in ${describeDuration(summary.answerTimeMs)}`,
    summary.attempts > 1 && `${summary.attempts} attempts`,
  ];
  return parts.filter((part) => part !== false).join(' · ');
}

export function askForm(): Html {
  return html`<form class="ask" method="post" action="/page/ask">
<label for="query">Ask about your revenue data</label>
<div class="field"><textarea id="query" name="query" rows="2" maxlength="10000" required placeholder="What deals are closing this quarter?"></textarea>
<button class="primary" type="submit">Ask</button></div>
</form>
<form class="examples" method="post" action="/page/ask" aria-label="Examples">
<span class="soft">Try</span>
${exampleQuestions.map((question) => html`<button type="submit" name="query" value="${question}">${question}</button>`)}
</form>`;
}

const exampleQuestions = [
  'What are the top 5 deals closing this quarter?',
  'Win rate by region last year',
  'Which open deals look stale?',
  'Show me pipeline analysis for Q4',
];

export function emptyState(title: string, text: string): Html {
  return html`<div class="empty"><h3>${title}</h3><p>${text}</p></div>`;
}

export function conversationRow(row: ConversationSummary, answerStart: string, now: number): Html {
  return html`<li><a class="row" href="/page/conversations/${row.trackingId}">
<span class="line"><strong>${questionOf(row)}</strong>${statusPill(row)}</span>
${answerStart !== '' && html`<span class="answer-start">${answerStart}</span>`}
<span class="meta"><span>${timeAgo(row.receivedAt, now)}</span><span>${row.sourceSystem}</span><span>${typeLabel(row.webhookType)}</span>${timing(row) !== '' && html`<span>${timing(row)}</span>`}</span>
</a></li>`;
}

/** The beginning of a question, or that it is gone. */
export const questionOf = ({
  queryStart,
  erasedAt,
}: Pick<ConversationSummary, 'queryStart' | 'erasedAt'>): string =>
  erasedAt === null ? queryStart : 'Erased';
