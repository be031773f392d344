import { fromSql, selectionOf, whereSql } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { counted, money, percent, text, whole } from '../render/format.ts';
import { say, strong, together } from '../render/text.ts';
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
import { listDeals } from './deal-rows.ts';

/** Why deals were lost, by the reason noted on them, and the largest of them. */
export async function answerLossReasons(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const applied = applyPeriod(context, populations.lost);
  const { conditions, missing } = selectionOf(vocabulary, query, populations.lost, applied.period);
  const hasReasons = vocabulary.profile.filled('opportunities.loss_reason') > 0;
  const reason = {
    name: 'loss_reason',
    label: 'Reason',
    sql: raw('opportunities.loss_reason'),
    write: (row: { readonly loss_reason?: unknown }) => text(row.loss_reason as string | null),
  };
  const hasAmount = vocabulary.profile.filled('opportunities.amount') > 0;
  const [groups, deals] = await Promise.all([
    hasReasons
      ? context.run(
          sql`SELECT opportunities.loss_reason AS loss_reason,\n  count(*) AS lost_deals,\n  sum(opportunities.amount) AS lost_amount,\n  sum(count(*)) OVER () AS total\n${fromSql('opportunities', conditions)}${whereSql(conditions)}\nGROUP BY 1\nORDER BY opportunities.loss_reason IS NULL, 2 DESC, 1\nLIMIT 20`,
        )
      : [],
    listDeals(context, {
      conditions,
      order: raw(
        hasAmount ? 'opportunities.amount DESC NULLS LAST' : 'opportunities.close_date DESC NULLS LAST',
      ),
      limit: 10,
      ...(hasReasons && { also: [reason] }),
    }),
  ]);
  const total = deals.total;
  const top = groups.find((row) => row.loss_reason !== null);
  const none = groups.find((row) => row.loss_reason === null);
  const start = say`${strong(counted(total, populations.lost.noun))}${scopeOf(query)}${applied.phrase}`;
  const why = top
    ? say`The most frequent reason is ${strong(text(top.loss_reason))}: ${whole(numberIn(top, 'lost_deals'))} of them (${percent(numberIn(top, 'lost_deals') / total)}).`
    : say`No reason is noted on any of them.`;
  return {
    headline:
      total === 0
        ? say`No deals${scopeOf(query)} were lost${applied.phrase}.`
        : together([say`${start}.`, why]),
    blocks:
      total === 0
        ? []
        : [
            ...(groups.length > 0
              ? [
                  table(
                    ['Reason', 'Lost deals', 'Share', 'Lost amount'],
                    groups.map((row) => [
                      row.loss_reason === null ? 'not noted' : text(row.loss_reason),
                      whole(numberIn(row, 'lost_deals')),
                      percent(numberIn(row, 'lost_deals') / total),
                      money(row.lost_amount),
                    ]),
                    { numbers: [1, 2, 3] },
                  ),
                ]
              : []),
            { ...deals.table, title: hasAmount ? 'The largest of them' : 'The latest of them' },
          ],
    notes: [
      ...applied.notes,
      ...missingNote(missing),
      ...(none && top ? [say`No reason is noted on ${whole(numberIn(none, 'lost_deals'))} of them.`] : []),
      ...readingNotes(context),
    ],
    period: applied.text,
    rules: [wonLostRule],
    understood: true,
    topic: 'deal',
  };
}
