import { conditionsOf, statusSql } from '../compile.ts';
import { type Answer, type Block, paragraph } from '../render/answer.ts';
import { counted, dayText, short, text } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { raw } from '../sql.ts';
import { type AnswerContext, readingNotes, wonLostRule } from './context.ts';
import { type DealList, listDeals } from './deal-rows.ts';

/** Where the deals of one account stand: the open ones, then how the last ones ended. */
export async function answerDealStatus(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const own = conditionsOf(vocabulary, query, 'opportunities').conditions;
  const columns = { without: ['account'], also: also(context) };
  const [open, closed] = await Promise.all([
    listDeals(context, {
      ...columns,
      conditions: [...own, statusSql(vocabulary, 'open')],
      order: raw('opportunities.close_date ASC NULLS LAST'),
      limit: 15,
    }),
    listDeals(context, {
      ...columns,
      conditions: [...own, statusSql(vocabulary, 'closed')],
      order: raw('opportunities.close_date DESC NULLS LAST'),
      limit: 5,
      among: statusSql(vocabulary, 'won'),
    }),
  ]);
  const name = query.account?.groups[0]?.name ?? '';
  return {
    headline: headline(name, open, closed),
    blocks: blocks(open, closed),
    notes: [...holes(open), ...readingNotes(context)],
    period: 'all dates',
    rules: [wonLostRule],
    understood: true,
    topic: 'deal',
  };
}

function also({ vocabulary }: AnswerContext) {
  return vocabulary.profile.filled('opportunities.next_step') > 0
    ? [
        {
          name: 'next_step',
          label: 'Next step',
          sql: raw('opportunities.next_step'),
          write: (row: { readonly next_step?: unknown }) => text(row.next_step as string | null),
        },
      ]
    : [];
}

function headline(name: string, open: DealList, closed: DealList): Text {
  if (open.total + closed.total === 0) return say`${strong(name)} has no deals in the data, open or closed.`;
  const won = closed.among;
  const lost = closed.total - won.total;
  const worth = open.withAmount > 0 ? say`, worth ${strong(short(open.amount))}` : say``;
  const wonWorth = won.withAmount > 0 ? say` for ${short(won.amount)}` : say``;
  const next = open.rows[0]?.close_date
    ? say` The next one to close is ${text(open.rows[0]?.deal)} on ${dayText(open.rows[0]?.close_date)}, in stage ${text(open.rows[0]?.stage)}.`
    : say``;
  return say`${strong(name)} has ${strong(counted(open.total, ['open deal', 'open deals']))}${worth}; ${counted(won.total, ['deal was', 'deals were'])} won${wonWorth} and ${lost} lost.${next}`;
}

function blocks(open: DealList, closed: DealList): readonly Block[] {
  return [
    ...(open.total > 0
      ? [{ ...open.table, title: 'Open deals' }]
      : [paragraph(say`Nothing is open at the moment.`)]),
    ...(closed.total > 0 ? [{ ...closed.table, title: 'Latest closed deals' }] : []),
  ];
}

function holes(open: DealList): readonly Text[] {
  const undated = open.rows.filter((row) => row.close_date === null || row.close_date === undefined).length;
  const without = open.total - open.withAmount;
  return [
    ...(without > 0
      ? [
          say`${counted(without, ['open deal has', 'open deals have'])} no amount and ${without === 1 ? 'is' : 'are'} not in the sum.`,
        ]
      : []),
    ...(undated > 0
      ? [say`${counted(undated, ['open deal has', 'open deals have'])} no expected close date.`]
      : []),
  ];
}
