import { describeDuration } from '../../core/duration.ts';
import type { RecordedEvent, RecordedToolCall } from '../../record/events.ts';
import type { Conversation, DeliveryAttempt } from '../../store/store.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { renderMarkdown } from './markdown.ts';
import { count, statusPill, timing, typeLabel } from './parts.ts';
import { clockTime, timeAt } from './time.ts';

export function conversationPage(
  conversation: Conversation,
  events: readonly RecordedEvent[],
  now: number,
): string {
  return page({
    title: conversation.queryStart.slice(0, 60),
    refreshSeconds: refreshAfter(conversation, now),
    content: html`<article>
<p class="crumb"><a href="/">← All conversations</a></p>
<header class="question"><p class="meta"><span>${conversation.sourceSystem} · ${conversation.sourceProcess}</span><span>${typeLabel(conversation.webhookType)}</span><span>${timeAt(conversation.receivedAt, now)}</span></p>
<h1>${conversation.query}</h1>
<p class="line">${statusPill(conversation)}<span class="soft">${timing(conversation)}</span></p></header>
${answer(conversation)}
${sources(conversation.answer?.toolCalls ?? [])}
${deliveries(conversation, now)}
${timeline(events)}
${identity(conversation)}
</article>`,
  });
}

/** Often while something is about to happen, seldom while a delivery waits for hours. */
function refreshAfter(conversation: Conversation, now: number): number | undefined {
  if (conversation.complete) return undefined;
  const { nextAttemptAt } = conversation;
  if (nextAttemptAt === null) return now - conversation.receivedAt < 20_000 ? 1 : 5;
  return Math.min(60, Math.max(2, Math.ceil((nextAttemptAt - now) / 1_000) + 1));
}

function answer({ answer, error, status, answerTimeMs }: Conversation): Html {
  if (error !== null) {
    return html`<section class="card bad" aria-labelledby="answer"><h2 id="answer">No answer</h2><p>${error.message}</p><p class="soft">${error.code}${error.recoverable && ' · asking again may help'}</p></section>`;
  }
  if (answer === null) {
    const text = status === 'queued' ? 'In the queue.' : 'The agent is working on it.';
    return html`<section class="card working" aria-labelledby="answer" aria-live="polite"><h2 id="answer" class="hidden">Answer</h2><p><span class="dots" aria-hidden="true"></span>${text} This page refreshes by itself.</p></section>`;
  }
  return html`<section class="card answer" aria-labelledby="answer"><h2 id="answer" class="hidden">Answer</h2>
<div class="markdown">${renderMarkdown(answer.response)}</div>
<p class="meta"><span>${answer.agent}</span><span>in ${describeDuration(answerTimeMs ?? answer.agentTimeMs)}</span>${!answer.understood && html`<span>not understood</span>`}</p></section>`;
}

function sources(calls: readonly RecordedToolCall[]): Html | false {
  if (calls.length === 0) return false;
  return html`<section aria-labelledby="sources"><h2 id="sources">What it rests on</h2>
${calls.map((call) => html`<details class="card"><summary><span class="mono">${call.tool}</span> <span class="soft">${outputOf(call)} · ${describeDuration(call.durationMs)}</span></summary><pre>${inputOf(call)}</pre></details>`)}
</section>`;
}

function inputOf({ input }: RecordedToolCall): string {
  const { sql, ...rest } = input;
  if (typeof sql !== 'string') return JSON.stringify(input, null, 2);
  const others = Object.values(rest).some((value) => value !== undefined && !isEmpty(value));
  return others ? `${sql}\n\n-- ${JSON.stringify(rest)}` : sql;
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function outputOf({ output }: RecordedToolCall): string {
  const parts = Object.entries(output)
    .filter(([, value]) => value !== null && typeof value !== 'object' && value !== false)
    .map(
      ([name, value]) =>
        `${typeof value === 'number' ? count(value) : value} ${(value === 1 ? name.replace(/s$/, '') : name).replaceAll('_', ' ')}`,
    );
  return parts.join(', ').slice(0, 160);
}

function deliveries(conversation: Conversation, now: number): Html {
  const { deliveries, nextAttemptAt, deliveryStatus } = conversation;
  const rows = deliveries.map((attempt) => deliveryRow(attempt, now));
  const none =
    deliveryStatus === 'not_configured'
      ? 'Not delivered anywhere: no URL is configured for this type of answer. It is kept here and at its status route.'
      : 'No attempt yet.';
  return html`<section aria-labelledby="delivery"><h2 id="delivery">Delivery</h2>
${
  rows.length === 0
    ? html`<p class="soft">${none}</p>`
    : html`<div class="table" tabindex="0" role="region" aria-label="Delivery attempts"><table><thead><tr><th>Attempt</th><th>When</th><th>To</th><th>Result</th><th class="right">Took</th></tr></thead><tbody>${rows}</tbody></table></div>`
}
${!conversation.complete && nextAttemptAt !== null && nextAttempt(nextAttemptAt, now)}
${conversation.complete && deliveryStatus === 'failed' && html`<p class="soft">Given up. It can be started anew from the <a href="/page/dead-letters">dead letters</a>.</p>`}
</section>`;
}

function nextAttempt(at: number, now: number): Html {
  return at >= now - 1_000
    ? html`<p class="soft">The next attempt is due ${timeAt(at, now)}.</p>`
    : html`<p class="soft">The next attempt waits, because other deliveries to this endpoint keep failing.</p>`;
}

function deliveryRow(attempt: DeliveryAttempt, now: number): Html {
  const result = attempt.delivered
    ? `delivered${attempt.statusCode === null ? '' : ` (${attempt.statusCode})`}`
    : (attempt.reason ?? 'failed');
  const url = URL.parse(attempt.webhookUrl);
  return html`<tr><td>${attempt.attempt}</td><td>${timeAt(attempt.at, now)}</td><td class="url">${url === null ? '' : url.origin + url.pathname}</td><td class="${attempt.delivered ? 'good' : 'bad'}">${result}</td><td class="right">${describeDuration(attempt.responseTimeMs)}</td></tr>`;
}

function timeline(events: readonly RecordedEvent[]): Html | false {
  const first = events[0];
  if (first === undefined) return false;
  return html`<section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2><ol class="timeline">
${events.map((event) => html`<li class="${toneOf(event)}"><span class="what">${sentenceOf(event)}</span><span class="meta"><span>${clockTime(event.at)}</span><span>+${describeDuration(event.at - first.at)}</span><span class="mono">${event.type}</span></span></li>`)}
</ol></section>`;
}

function toneOf(event: RecordedEvent): string {
  if (event.type === 'WEBHOOK_DELIVERY_FAILED') return 'bad';
  if (event.type === 'WEBHOOK_CONVERSATION_COMPLETED' && event.data.deliveryStatus === 'failed') return 'bad';
  return event.type === 'WEBHOOK_CONVERSATION_COMPLETED' || event.type === 'WEBHOOK_DELIVERY_SUCCESS'
    ? 'good'
    : '';
}

function sentenceOf(event: RecordedEvent): string {
  switch (event.type) {
    case 'WEBHOOK_REQUEST_RECEIVED':
      return `Question received from ${event.data.sourceSystem}`;
    case 'WEBHOOK_MANAGER_AGENT_INVOKED':
      return `${event.data.agent} was asked`;
    case 'WEBHOOK_MANAGER_AGENT_RESPONSE':
      return event.data.error === null ? `${event.data.agent} answered` : `${event.data.agent} failed`;
    case 'WEBHOOK_RESPONSE_CLASSIFIED':
      return `Classified as ${typeLabel(event.data.webhookType)}`;
    case 'WEBHOOK_OUTBOUND_QUEUED':
      return 'Delivery queued';
    case 'WEBHOOK_DELIVERY_SUCCESS':
      return `Delivered at attempt ${event.data.attempt}`;
    case 'WEBHOOK_DELIVERY_FAILED':
      return `Attempt ${event.data.attempt} failed: ${event.data.reason}`;
    case 'WEBHOOK_CONVERSATION_COMPLETED':
      return `Complete: ${event.data.deliveryStatus.replace('_', ' ')}`;
    case 'WEBHOOK_CONVERSATION_EXPORTED':
      return `Exported to ${event.data.prefix}`;
    default:
      return event.type;
  }
}

function identity(conversation: Conversation): Html {
  const { trackingId, conversationId, deliveryId } = conversation;
  const extra = Object.keys(conversation.extra).length > 0 && JSON.stringify(conversation.extra, null, 2);
  return html`<section aria-labelledby="ids"><h2 id="ids">Identity</h2><dl class="ids">
<dt>Tracking id</dt><dd class="mono">${trackingId}</dd><dt>Conversation id</dt><dd class="mono">${conversationId}</dd><dt>Delivery id</dt><dd class="mono">${deliveryId}</dd>
</dl>${extra !== false && html`<details class="card"><summary>Further fields of the request</summary><pre>${extra}</pre></details>`}</section>`;
}
