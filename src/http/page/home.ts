import type { Alarm } from '../../alarms/watch.ts';
import type { EngineStats } from '../../engine/engine.ts';
import type { ConversationPage } from '../../store/store.ts';
import type { About, HealthPart } from '../ports.ts';
import { overall } from '../routes/health.ts';
import { type Html, html } from './html.ts';
import { page } from './layout.ts';
import { askForm, conversationRow, count, emptyState, pill, plural } from './parts.ts';
import { searchForm } from './search.ts';

export interface HomeData {
  readonly about: About;
  readonly health: readonly HealthPart[];
  readonly firing: readonly Alarm[];
  readonly stats: EngineStats;
  readonly total: number;
  readonly conversations: ConversationPage;
  /** Starts of the answers, by tracking id. */
  readonly answers: ReadonlyMap<string, string>;
  /** Whether this is the first page. */
  readonly newest: boolean;
  readonly now: number;
}

export function homePage(data: HomeData): string {
  const { conversations, newest, now } = data;
  const list = conversations.conversations.map((row) =>
    conversationRow(row, data.answers.get(row.trackingId) ?? '', now),
  );
  return page({
    title: newest ? 'Conversations' : 'Earlier conversations',
    status: healthPill(data.health),
    content: html`<h1 class="${newest && 'hidden'}">${newest ? 'Signalbox' : 'Earlier conversations'}</h1>
${newest && html`<section class="hero" aria-label="Ask">${askForm()}</section>${tiles(data)}${problems(data.health, data.firing)}`}
<section aria-labelledby="list"><div class="heading"><h2 id="list">${newest ? 'Latest conversations' : 'Conversations'}</h2><span class="soft">${plural(data.total, 'conversation')} in all</span>${searchForm('')}</div>
${list.length === 0 ? nothingYet(newest) : html`<ul class="list">${list}</ul>`}
${pager(conversations.next, newest)}
</section>`,
  });
}

function healthPill(parts: readonly HealthPart[]): Html {
  const status = overall(parts);
  const tones = {
    HEALTHY: ['Healthy', 'good'],
    DEGRADED: ['Degraded', 'warn'],
    DOWN: ['Down', 'bad'],
  } as const;
  const [label, tone] = tones[status];
  return pill(label, tone);
}

function tiles({ about, stats }: HomeData): Html {
  return html`<dl class="tiles">
<div><dt>Agent</dt><dd>${about.agent}</dd><dd class="soft">today is ${about.today}</dd></div>
<div><dt>Warehouse</dt>${warehouse(about)}</div>
<div><dt>Engine</dt><dd>${stats.queued === 0 ? 'No queue' : `${count(stats.queued)} queued`}</dd><dd class="soft">${count(stats.running)} running · ${count(stats.resident)} in memory</dd></div>
<div><dt>Answers go to</dt>${about.deliversTo.length === 0 ? html`<dd>This page only</dd><dd class="soft">set WEBHOOK_URL to deliver them</dd>` : about.deliversTo.slice(0, 3).map((url) => html`<dd class="url">${url}</dd>`)}</div>
</dl>`;
}

function warehouse({ tables, demo }: HomeData['about']): Html {
  if (tables === undefined) return html`<dd>At the workers</dd>`;
  const rows = new Map(tables.map((table) => [table.name, table.rowCount]));
  const accounts = rows.get('accounts') ?? 0;
  return html`<dd>${accounts === 0 ? 'No accounts yet' : plural(accounts, 'account')}</dd><dd class="soft">${plural(rows.get('opportunities') ?? 0, 'deal')}${demo && ' · demo data'}</dd>`;
}

function problems(parts: readonly HealthPart[], firing: readonly Alarm[]): Html | false {
  const bad = parts.filter((part) => part.status !== 'HEALTHY');
  if (bad.length === 0 && firing.length === 0) return false;
  return html`<ul class="notice" role="status">${firing.map(({ rule, state }) => html`<li><strong>Alarm ${rule.name.replaceAll('_', ' ')}.</strong> ${state?.detail}</li>`)}${bad.map((part) => html`<li><strong>${part.name[0]?.toUpperCase()}${part.name.slice(1)}.</strong> ${part.detail}</li>`)}</ul>`;
}

function nothingYet(newest: boolean): Html {
  return newest
    ? emptyState(
        'Nothing asked yet',
        'Ask above, or send a question to POST /webhook. Every question and its answer is kept here.',
      )
    : emptyState('No earlier conversations', 'This was the last page.');
}

function pager(next: string | undefined, newest: boolean): Html | false {
  if (next === undefined && newest) return false;
  return html`<nav class="pager" aria-label="More conversations">${!newest && html`<a href="/">Newest</a>`}${next !== undefined && html`<a href="/?after=${next}">Earlier</a>`}</nav>`;
}
