import { describeDuration } from '../../core/duration.ts';
import type { EventType, RecordedToolCall } from '../../record/events.ts';
import type { TimelineEntry } from '../../record/timeline.ts';
import type { Conversation, DeliveryAttempt } from '../../store/store.ts';
import type { TimelinePage } from '../timeline.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { renderMarkdown } from './markdown.ts';
import { count, questionOf, statusPill, timing, typeLabel } from './parts.ts';
import { clockTime, timeAt } from './time.ts';

/** A page of it. */
export interface ShownTimeline extends TimelinePage {
  readonly isFirst: boolean;
}

export function conversationPage(conversation: Conversation, timeline: ShownTimeline, now: number): string {
  return page({
    title: questionOf(conversation).slice(0, 60),
    refreshSeconds: refreshAfter(conversation, now),
    content: html`<article>
<p class="crumb"><a href="/">← All conversations</a></p>
<header class="question"><p class="meta"><span>${conversation.sourceSystem} · ${conversation.sourceProcess}</span><span>${typeLabel(conversation.webhookType)}</span><span>${timeAt(conversation.receivedAt, now)}</span></p>
<h1>${conversation.erasedAt === null ? conversation.query : questionOf(conversation)}</h1>
<p class="line">${statusPill(conversation)}<span class="soft">${timing(conversation)}</span></p></header>
${answer(conversation, now)}
${sources(conversation.answer?.toolCalls ?? [])}
${deliveries(conversation, now)}
${timelineSection(timeline, conversation, now)}
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

function answer(conversation: Conversation, now: number): Html {
  const { answer, error, status, answerTimeMs, complete, problem, erasedAt } = conversation;
  if (erasedAt !== null) {
    return html`<section class="card" aria-labelledby="answer"><h2 id="answer" class="hidden">Answer</h2><p>Question and answer were erased, ${timeAt(erasedAt, now)}.</p></section>`;
  }
  if (error !== null) {
    return html`<section class="card bad" aria-labelledby="answer"><h2 id="answer">No answer</h2><p>${error.message}</p><p class="soft">${error.code}${error.recoverable && ' · asking again may help'}</p></section>`;
  }
  if (answer === null && complete) {
    return html`<section class="card bad" aria-labelledby="answer"><h2 id="answer">No answer</h2><p>${problem ?? 'The question was ended before there was one.'}</p></section>`;
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
      ? `Not delivered anywhere: no URL is configured for this type of answer.${conversation.erasedAt === null ? ' It is kept here and at its status route.' : ''}`
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

function timelineSection(
  { entries, next, moreRuns, isFirst }: ShownTimeline,
  { trackingId, receivedAt }: Conversation,
  now: number,
): Html | false {
  if (entries.length === 0 && isFirst) return false;
  const path = `/page/conversations/${trackingId}`;
  return html`<section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2><ol class="timeline">
${entries.map((entry) => html`<li class="${toneOf(entry)}"><span class="what">${sentenceOf(entry)}</span><span class="meta"><span>${clockTime(entry.startedAt)}</span><span>+${describeDuration(Math.max(0, entry.startedAt - receivedAt))}</span>${lengthOf(entry, now)}<span class="mono">${entry.kind === 'event' ? entry.name : entry.kind.replace('_', ' ')}</span></span>${contentOf(entry)}</li>`)}
</ol>
${moreRuns && html`<p class="soft">It has more runs than are looked at here: steps and waits of later ones are missing. The record has all of the rest.</p>`}
${(next !== undefined || !isFirst) && html`<nav class="pager" aria-label="More of the timeline">${!isFirst && html`<a href="${path}#timeline">Beginning</a>`}${next !== undefined && html`<a href="${path}?after=${next}#timeline">Later</a>`}</nav>`}
</section>`;
}

function toneOf({ outcome, name, kind, detail }: TimelineEntry): string {
  if (outcome === 'failed' || detail.delivery_status === 'failed') return 'bad';
  return kind === 'delivery_attempt' || name === 'WEBHOOK_CONVERSATION_COMPLETED' ? 'good' : '';
}

function lengthOf(
  { durationMs, startedAt, startIsEstimated, detail }: TimelineEntry,
  now: number,
): Html | false {
  if (durationMs === null)
    return html`<span>for ${describeDuration(Math.max(0, now - startedAt))} so far</span>`;
  return (
    durationMs > 0 &&
    html`<span>took ${describeDuration(durationMs)}${startIsEstimated && ', about then'}${detail.slow === true && ', slow'}</span>`
  );
}

/** Arguments and result of a tool. */
function contentOf({ kind, detail }: TimelineEntry): Html | false {
  if (kind !== 'tool_call') return false;
  const text = JSON.stringify({ input: detail.input, output: detail.output }, null, 2).slice(0, 4_000);
  return html`<details><summary>Arguments and result</summary><pre>${text}</pre></details>`;
}

const verbs = { step: 'Step', wait: 'Wait', run: 'Run' } as const;

function sentenceOf({ kind, name, detail, outcome }: TimelineEntry): string {
  switch (kind) {
    case 'question':
      return `Question received from ${name}`;
    case 'agent_message':
      return outcome === 'failed' ? `${name} failed` : `${name} answered`;
    case 'tool_call':
      return `${name} was called`;
    case 'delivery_attempt':
      return outcome === 'failed'
        ? `Attempt ${detail.attempt} failed: ${detail.reason}`
        : `Delivered at attempt ${detail.attempt}`;
    case 'event':
      return sentenceOfEvent(name, detail);
    default:
      return `${verbs[kind]}: ${name}${outcome === 'failed' ? ' failed' : ''}`;
  }
}

const sentences: Readonly<Partial<Record<EventType, (detail: TimelineEntry['detail']) => string>>> = {
  WEBHOOK_MANAGER_AGENT_INVOKED: (detail) => `${detail.agent} was asked`,
  WEBHOOK_RESPONSE_CLASSIFIED: (detail) => `Classified as ${String(detail.webhook_type).replace('_', ' ')}`,
  WEBHOOK_OUTBOUND_QUEUED: () => 'Delivery queued',
  WEBHOOK_CONVERSATION_COMPLETED: (detail) => `Complete: ${String(detail.delivery_status).replace('_', ' ')}`,
  WEBHOOK_CONVERSATION_EXPORTED: (detail) => `Exported to ${detail.prefix}`,
  WEBHOOK_CONVERSATION_ERASED: () => 'Erased: the content is gone',
};

const sentenceOfEvent = (name: string, detail: TimelineEntry['detail']): string =>
  sentences[name as EventType]?.(detail) ?? name;

function identity(conversation: Conversation): Html {
  const { trackingId, conversationId, deliveryId } = conversation;
  const extra = Object.keys(conversation.extra).length > 0 && JSON.stringify(conversation.extra, null, 2);
  return html`<section aria-labelledby="ids"><h2 id="ids">Identity</h2><dl class="ids">
<dt>Tracking id</dt><dd class="mono">${trackingId}</dd><dt>Conversation id</dt><dd class="mono">${conversationId}</dd><dt>Delivery id</dt><dd class="mono">${deliveryId}</dd>
</dl>${extra !== false && html`<details class="card"><summary>Further fields of the request</summary><pre>${extra}</pre></details>`}</section>`;
}
