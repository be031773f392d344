import { conditionsOf, dimensionSql, fromSql, selectionOf, statusSql, whereSql } from '../compile.ts';
import { type Answer, maxRows, table } from '../render/answer.ts';
import { counted, dayText, money, text, whole } from '../render/format.ts';
import { say, strong } from '../render/text.ts';
import { populations } from '../semantic-layer/populations.ts';
import { raw, sql } from '../sql.ts';
import {
  type AnswerContext,
  applyPeriod,
  missingNote,
  numberIn,
  readingNotes,
  scopeOf,
  wonLostRule,
} from './context.ts';

/** Leads, the newest first. */
export async function answerLeads(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const applied = applyPeriod(context, populations.leads);
  const { conditions, missing } = selectionOf(vocabulary, query, populations.leads, applied.period);
  const owner = dimensionSql(vocabulary, 'owner', 'leads') ?? raw('NULL');
  const rows = await context.run(
    sql`SELECT leads.company AS company, leads.name AS person, leads.title AS title, leads.source AS source, leads.status AS status, ${owner} AS owner, leads.created_date AS created_date, count(*) OVER () AS total\n${fromSql('leads', [owner, ...conditions])}${whereSql(conditions)}\nORDER BY leads.created_date DESC NULLS LAST, leads.lead_id\nLIMIT ${query.limit ?? maxRows}`,
  );
  const total = numberIn(rows[0], 'total');
  const cells = rows.map((row) => [
    text(row.company),
    text(row.person),
    text(row.title),
    text(row.source),
    text(row.status),
    text(row.owner),
    dayText(row.created_date),
  ]);
  return {
    headline:
      total === 0
        ? say`There are no leads${scopeOf(query)}${applied.phrase}.`
        : say`There ${total === 1 ? 'is' : 'are'} ${strong(counted(total, ['lead', 'leads']))}${scopeOf(query)}${applied.phrase}, the newest first.`,
    blocks:
      total === 0
        ? []
        : [
            table(['Company', 'Person', 'Title', 'Source', 'Status', 'Owner', 'Created'], cells, {
              more: total - rows.length,
            }),
          ],
    notes: [...applied.notes, ...missingNote(missing), ...readingNotes(context)],
    period: applied.text,
    rules: [],
    understood: true,
    topic: 'lead',
  };
}

/** Accounts with what they have bought and what is open, the best first. */
export async function answerAccounts(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const applied = applyPeriod(context, populations.accounts);
  const { conditions, missing } = selectionOf(vocabulary, query, populations.accounts, applied.period);
  const columns = (['industry', 'segment', 'region', 'account_status', 'owner'] as const).flatMap((name) => {
    const expression = dimensionSql(vocabulary, name, 'accounts');
    return expression
      ? [
          {
            name,
            label: {
              industry: 'Industry',
              segment: 'Segment',
              region: 'Region',
              account_status: 'Status',
              owner: 'Owner',
            }[name],
            expression,
          },
        ]
      : [];
  });
  const sums = (status: 'won' | 'open') =>
    sql`\nLEFT JOIN (SELECT account_id, sum(amount) AS amount FROM opportunities WHERE ${statusSql(vocabulary, status)} GROUP BY account_id) AS ${status}_deals ON ${status}_deals.account_id = accounts.account_id`;
  const list = columns.map(({ name, expression }) => sql`${expression} AS ${name}, `);
  const parts = [...columns.map(({ expression }) => expression), ...conditions];
  const rows = await context.run(
    sql`SELECT accounts.name AS account, ${list.reduce((all, each) => sql`${all}${each}`, raw(''))}won_deals.amount AS won_amount, open_deals.amount AS pipeline, count(*) OVER () AS total\n${fromSql('accounts', parts)}${sums('won')}${sums('open')}${whereSql(conditions)}\nORDER BY won_deals.amount DESC NULLS LAST, open_deals.amount DESC NULLS LAST, accounts.account_id\nLIMIT ${query.limit ?? maxRows}`,
  );
  const total = numberIn(rows[0], 'total');
  const cells = rows.map((row) => [
    text(row.account),
    ...columns.map(({ name }) => text(row[name])),
    money(row.won_amount),
    money(row.pipeline),
  ]);
  return {
    headline:
      total === 0
        ? say`There are no accounts${scopeOf(query)}${applied.phrase}.`
        : say`There ${total === 1 ? 'is' : 'are'} ${strong(counted(total, ['account', 'accounts']))}${scopeOf(query)}${applied.phrase}, those that bought most first.`,
    blocks:
      total === 0
        ? []
        : [
            table(['Account', ...columns.map(({ label }) => label), 'Won amount', 'Pipeline'], cells, {
              more: total - rows.length,
              numbers: [columns.length + 1, columns.length + 2],
            }),
          ],
    notes: [...applied.notes, ...missingNote(missing), ...readingNotes(context)],
    period: applied.text,
    rules: [wonLostRule],
    understood: true,
    topic: 'data',
  };
}

/** What is sold, or who sells, with what each has won. */
export async function answerCatalogue(context: AnswerContext): Promise<Answer> {
  const { vocabulary } = context;
  const asksProducts = /product|sku|item/i.test(context.question);
  const expression = dimensionSql(vocabulary, asksProducts ? 'product' : 'owner', 'opportunities');
  const noun: readonly [string, string] = asksProducts ? ['product', 'products'] : ['owner', 'owners'];
  if (!expression)
    return {
      headline: say`The data have no ${noun[1]}.`,
      blocks: [],
      notes: readingNotes(context),
      rules: [],
      understood: true,
      topic: 'data',
    };
  const own = conditionsOf(vocabulary, context.query, 'opportunities');
  const conditions = [sql`${expression} IS NOT NULL`, ...own.conditions];
  const won = statusSql(vocabulary, 'won');
  const open = statusSql(vocabulary, 'open');
  const rows = await context.run(
    sql`SELECT ${expression} AS found,\n  sum(CASE WHEN ${won} THEN 1 ELSE 0 END) AS won_deals,\n  sum(CASE WHEN ${won} THEN opportunities.amount END) AS won_amount,\n  sum(CASE WHEN ${open} THEN 1 ELSE 0 END) AS open_deals,\n  count(*) OVER () AS total\n${fromSql('opportunities', conditions)}${whereSql(conditions)}\nGROUP BY 1\nORDER BY 3 DESC NULLS LAST, 1\nLIMIT 50`,
  );
  const cells = rows.map((row) => [
    text(row.found),
    whole(numberIn(row, 'won_deals')),
    money(row.won_amount),
    whole(numberIn(row, 'open_deals')),
  ]);
  const total = numberIn(rows[0], 'total');
  return {
    headline: say`There are ${strong(counted(total, noun))} with deals${scopeOf(context.query)}.`,
    blocks: [
      table([asksProducts ? 'Product' : 'Owner', 'Won deals', 'Won amount', 'Open deals'], cells, {
        numbers: [1, 2, 3],
        more: total - rows.length,
      }),
    ],
    notes: [...missingNote(own.missing), ...readingNotes(context)],
    period: 'all dates',
    rules: [wonLostRule],
    understood: true,
    topic: 'data',
  };
}
