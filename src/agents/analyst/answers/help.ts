import { canonicalTables } from '../../../tools/warehouse/schema.ts';
import { type Answer, lines, table } from '../render/answer.ts';
import { dayText, whole } from '../render/format.ts';
import { data, listed, say, strong, type Text } from '../render/text.ts';
import { dimensionOf } from '../semantic-layer/dimensions.ts';
import { measureOf } from '../semantic-layer/measures.ts';
import { formatDay } from '../words/calendar.ts';
import type { AnswerContext } from './context.ts';
import { closestExamples } from './examples.ts';

const general = { blocks: [], notes: [], rules: [], understood: true, topic: 'general' } as const;

/** What was not understood, what was, and what could be asked instead. */
export function answerNotUnderstood(context: AnswerContext): Answer {
  const known = understoodParts(context);
  const left = context.query.unused.slice(0, 5);
  const part =
    known.length > 0
      ? say` I did recognise ${listed(known)}${left.length > 0 ? say`, but not ${listed(left)}` : say``}.`
      : say``;
  return {
    ...general,
    headline: say`I did not understand this question, so I have computed nothing.${part}`,
    blocks: [lines(examples(context), 'Questions that I can answer')],
    understood: false,
  };
}

function understoodParts({ query }: AnswerContext): readonly Text[] {
  return [
    ...query.measures.map((name) => data(measureOf(name).label.toLowerCase())),
    ...query.dimensions.map((name) => data(dimensionOf(name).label.toLowerCase())),
    ...query.filters.flatMap(({ values }) => values.slice(0, 2).map((value) => say`“${value}”`)),
    ...query.periods.map(({ label }) => data(label)),
    ...(query.account?.certainty === 'exact' ? [say`${query.account.groups[0]?.name ?? ''}`] : []),
    ...(query.status ? [say`${query.status} deals`] : []),
  ].slice(0, 6);
}

const examples = (context: AnswerContext): readonly Text[] =>
  closestExamples(context.question, context.vocabulary).map((example) => data(example));

export function answerHelp(context: AnswerContext): Answer {
  return {
    ...general,
    headline: say`I answer questions about deals, accounts, usage, calls and leads with figures computed from the data, and show the query behind each.`,
    blocks: [lines(examples(context), 'For example')],
    notes: [say`I only read: I can't change, send or create anything.`],
  };
}

export function answerReadOnly(context: AnswerContext): Answer {
  return {
    ...general,
    headline: /^\s*select\b/i.test(context.question)
      ? say`I don't run SQL from a question, so nothing was done. Ask in words, and the SQL is part of the answer.`
      : say`I only read: I can't change, delete, send or create anything, so nothing was done.`,
    blocks: [lines(examples(context), 'What I can do is answer questions such as')],
  };
}

/** A name that nothing goes by: no figure is given, because leaving the name out would answer another question. */
export function answerUnknownName(context: AnswerContext): Answer {
  const [name = ''] = context.query.unknownNames;
  const near = context.near;
  return {
    ...general,
    headline: say`Nothing in the data is called “${name}”: no account, owner, product, region, industry, segment or stage.`,
    blocks:
      near.length > 0
        ? [
            lines(
              near.map((each) => data(each)),
              'Names that come close',
            ),
          ]
        : [],
    notes: [say`I have computed nothing, because leaving the name out would answer another question.`],
  };
}

export function answerWhichAccount(context: AnswerContext): Answer {
  const { account } = context.query;
  const names = (account?.groups ?? []).map(({ name }) => data(name));
  return {
    ...general,
    headline: say`${strong(account?.typed ?? '')} may be one of ${whole(names.length)}${names.length >= 10 ? ' or more' : ''} accounts. Please ask again with the name of the one that you mean.`,
    blocks: [
      lines(
        names,
        account?.certainty === 'spelling'
          ? 'Accounts with a name like it'
          : 'Accounts with this in their name',
      ),
    ],
  };
}

/** What data there are. */
export function answerData({ vocabulary }: AnswerContext): Answer {
  const { profile } = vocabulary;
  const dates = {
    opportunities: 'opportunities.close_date',
    usage: 'usage.usage_date',
    leads: 'leads.created_date',
    calls: 'calls.call_date',
    accounts: 'accounts.customer_since',
  } as const;
  const rows = canonicalTables.map(({ name, description, columns }) => {
    const span = name in dates ? profile.span(dates[name as keyof typeof dates]) : undefined;
    const empty = columns
      .filter((column) => profile.filled(`${name}.${column.name}`) === 0)
      .map((column) => column.name);
    const isEmpty = profile.rowCount(name) === 0;
    return [
      name,
      description,
      whole(profile.rowCount(name)),
      span ? `${dayText(formatDay(span.first))} to ${dayText(formatDay(span.last))}` : '–',
      isEmpty ? 'all' : empty.join(', ') || '–',
    ];
  });
  const filled = canonicalTables.filter(({ name }) => profile.rowCount(name) > 0).length;
  return {
    ...general,
    headline: say`There are data in ${strong(`${filled} of ${canonicalTables.length} tables`)}.`,
    blocks: [table(['Table', 'Holds', 'Rows', 'Dates', 'Empty columns'], rows, { numbers: [2] })],
    topic: 'data',
  };
}
