import { date, dimensionSql, fromSql, selectionOf, whereSql } from '../compile.ts';
import { type Answer, lines, maxRows, table } from '../render/answer.ts';
import { counted, dayText, nothing, text } from '../render/format.ts';
import { say, strong, type Text } from '../render/text.ts';
import { populations } from '../semantic-layer/populations.ts';
import { raw, sql } from '../sql.ts';
import { type AnswerContext, applyPeriod, missingNote, numberIn, readingNotes, scopeOf } from './context.ts';

const longestNote = 5;

/** What was talked about: the latest calls with their notes for one account, else a list. */
export async function answerCalls(context: AnswerContext): Promise<Answer> {
  const { query, vocabulary, today } = context;
  const applied = applyPeriod(context, populations.calls);
  const own = selectionOf(vocabulary, query, populations.calls, applied.period);
  const account = dimensionSql(vocabulary, 'account', 'calls') ?? raw('calls.account_id');
  const owner = dimensionSql(vocabulary, 'owner', 'calls') ?? raw('NULL');
  const conditions = [
    ...own.conditions,
    sql`(calls.call_date IS NULL OR calls.call_date < ${date(today + 1)})`,
  ];
  const isOne = query.account !== undefined;
  const limit = query.limit ?? (isOne ? longestNote : maxRows);
  const rows = await context.run(
    sql`SELECT calls.call_date AS call_date, ${account} AS account, ${owner} AS owner, calls.subject AS subject, calls.sentiment AS sentiment, calls.notes AS notes, count(*) OVER () AS total\n${fromSql('calls', [account, owner, ...conditions])}${whereSql(conditions)}\nORDER BY calls.call_date DESC NULLS LAST, calls.call_id\nLIMIT ${limit}`,
  );
  const total = numberIn(rows[0], 'total');
  const first = rows[0];
  const notes = rows.map((row) => noteLine(row.call_date, row.subject, row.owner, row.sentiment, row.notes));
  const cells = rows.map((row) => [
    dayText(row.call_date),
    text(row.account),
    text(row.owner),
    text(row.subject),
    text(row.sentiment),
  ]);
  return {
    headline: !first
      ? say`There are no calls${scopeOf(query)}${applied.phrase} in the data.`
      : say`There ${total === 1 ? 'is' : 'are'} ${strong(counted(total, ['call', 'calls']))}${scopeOf(query)}${applied.phrase}; the latest was on ${strong(dayText(first.call_date))}${first.subject ? say` about “${text(first.subject)}”` : say``}.`,
    blocks: !first
      ? []
      : isOne
        ? [lines(notes, total > rows.length ? `The latest ${rows.length}` : 'What was noted')]
        : [table(['Date', 'Account', 'Owner', 'Subject', 'Sentiment'], cells, { more: total - rows.length })],
    notes: [...applied.notes, ...missingNote(own.missing), ...readingNotes(context)],
    period: applied.text,
    rules: isOne ? ['Notes are shown as they were written; nothing is summed up.'] : [],
    understood: true,
    topic: 'data',
  };
}

type Cell = string | number | boolean | null | undefined;

function noteLine(day: Cell, subject: Cell, owner: Cell, sentiment: Cell, notes: Cell): Text {
  const who = text(owner) === nothing ? say`` : say` with ${text(owner)}`;
  const mood = text(sentiment) === nothing ? say`` : say` (${text(sentiment)})`;
  const said = typeof notes === 'string' && notes !== '' ? excerpt(notes) : 'No notes.';
  return say`${strong(dayText(day))}, ${text(subject) === nothing ? 'no subject' : text(subject)}${who}${mood}: ${sentencesOf(said)}`;
}

const longest = 480;
const excerpt = (notes: string): string =>
  notes.length > longest ? `${notes.slice(0, longest).replace(/\s+\S*$/, '')} …` : notes;

/** Long text in pieces that are each short enough to be written whole. */
function sentencesOf(notes: string): Text {
  const pieces = notes.match(/.{1,150}(?:\s|$)|.{150}/gsu) ?? [];
  return pieces.reduce<Text>(
    (all, piece) => (all.plain === '' ? say`${piece}` : say`${all} ${piece}`),
    say``,
  );
}
