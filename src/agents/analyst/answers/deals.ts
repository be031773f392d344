import type { Row } from '../../../tools/warehouse/warehouse.ts';
import { selectionOf } from '../compile.ts';
import type { Answer } from '../render/answer.ts';
import { maxRows } from '../render/answer.ts';
import { counted, dayText, short, text, whole } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { type Population, populations } from '../semantic-layer/populations.ts';
import { raw, type Sql } from '../sql.ts';
import {
  type AnswerContext,
  applyPeriod,
  missingNote,
  readingNotes,
  scopeOf,
  wonLostRule,
} from './context.ts';
import { type DealList, listDeals } from './deal-rows.ts';

/** A list of deals: open ones by what they are worth or when they close, closed ones the latest first. */
export async function answerDeals(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary } = context;
  const population = populationOf(context);
  const applied = applyPeriod(context, population);
  const { conditions, missing } = selectionOf(vocabulary, query, population, applied.period);
  const list = await listDeals(context, {
    conditions,
    order: orderOf(context, population),
    limit: Math.min(query.limit ?? maxRows, 50),
    ...(query.order === 'newest' || query.order === 'oldest' ? { also: [created] } : {}),
  });
  const isTop = query.limit !== undefined;
  return {
    headline: headline(context, population, list, applied.phrase),
    blocks:
      list.total > 0
        ? [
            isTop && query.limit !== undefined && query.limit <= maxRows
              ? { ...list.table, more: 0 }
              : list.table,
          ]
        : [],
    notes: [
      ...applied.notes,
      ...missingNote(missing),
      ...amountNote(population, list),
      ...readingNotes(context),
    ],
    period: applied.text,
    rules: [wonLostRule],
    understood: true,
    topic: 'deal',
  };
}

const created = {
  name: 'created_date',
  label: 'Created',
  sql: raw('opportunities.created_date'),
  write: (row: Row) => dayText(row.created_date),
};

function populationOf({ query }: AnswerContext): Population {
  if (query.status) return populations[query.status];
  return query.measures[0] === 'new_deals' ? populations.created : populations.all;
}

function orderOf({ query, vocabulary }: AnswerContext, population: Population): Sql {
  const hasAmount = vocabulary.profile.filled('opportunities.amount') > 0;
  const date = population.date;
  const isClosed = population.status !== undefined && population.status !== 'open';
  if (query.order === 'newest')
    return raw(`${isClosed ? date : 'opportunities.created_date'} DESC NULLS LAST`);
  if (query.order === 'oldest') return raw('opportunities.created_date ASC NULLS LAST');
  if (query.order === 'smallest') return raw('opportunities.amount ASC NULLS LAST');
  if (!hasAmount) return raw(`${date} DESC NULLS LAST`);
  return raw('opportunities.amount DESC NULLS LAST');
}

function headline({ query }: AnswerContext, population: Population, list: DealList, phrase: Text): Text {
  const scope = scopeOf(query);
  const closing = population.dateMeaning.includes('creation')
    ? say` created`
    : population.status === 'open' && query.periods.length > 0 && phrase.plain !== ''
      ? say` closing`
      : say``;
  if (list.total === 0) return say`There are no ${population.noun[1]}${scope}${closing}${phrase}.`;
  const worth = list.withAmount > 0 ? say`, worth ${strong(short(list.amount))} together` : say``;
  const top =
    query.limit !== undefined && list.total > query.limit
      ? say` The ${query.order === 'smallest' ? 'smallest' : query.order === 'newest' ? 'latest' : query.order === 'oldest' ? 'oldest' : 'largest'} ${query.limit} are below.`
      : say``;
  const largest =
    query.limit === undefined && query.order === 'largest' && list.withAmount > 0
      ? say` The largest is ${strong(text(list.rows[0]?.deal))} with ${short(Number(list.rows[0]?.amount ?? 0))}.`
      : say``;
  return say`${list.total === 1 ? 'There is' : 'There are'} ${strong(counted(list.total, population.noun))}${scope}${closing}${phrase}${worth}.${top}${largest}`;
}

export function amountNote(population: Population, list: DealList): readonly Text[] {
  const without = list.total - list.withAmount;
  if (without <= 0) return [];
  return list.withAmount === 0
    ? [say`None of these ${population.noun[1]} has an amount.`]
    : [say`${whole(without)} of them have no amount and are not in the sum.`];
}
