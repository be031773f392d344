import { readable, type Sql } from '../sql.ts';
import { readableDay } from '../words/calendar.ts';
import type { Answer, Block, Table } from './answer.ts';
import { nothing, whole } from './format.ts';
import { escapeMarkdown, escapePlain } from './text.ts';

export interface Written {
  readonly markdown: string;
  readonly plain: string;
}

/** Writes an answer down in both forms; `queries` is the SQL that it rests on, in order. */
export function write(answer: Answer, today: number, queries: readonly Sql[]): Written {
  const basis = basisOf(answer, today);
  const markdown = [
    answer.headline.markdown,
    ...answer.blocks.map(blockMarkdown),
    ...answer.notes.map(({ markdown }) => `> ${markdown}`),
    basis.length > 0 ? `_${basis.map((line) => escapeMarkdown(line, longestRule)).join('_  \n_')}_` : '',
    queries.length > 0 ? fenced(queries.map((query) => `${readable(query)};`).join('\n\n')) : '',
  ];
  const plain = [
    answer.headline.plain,
    ...answer.blocks.map(blockPlain),
    answer.notes.map(({ plain: note }) => `Note: ${note}`).join('\n'),
    basis.map((line) => escapePlain(line, longestRule)).join('\n'),
  ];
  return { markdown: paragraphs(markdown), plain: paragraphs(plain) };
}

/** Rules are our own sentences: they are not cut like names are. */
const longestRule = 1_000;

const paragraphs = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');

function basisOf({ period, rules }: Answer, today: number): readonly string[] {
  if (period === undefined && rules.length === 0) return [];
  return [...(period ? [`Period: ${period}.`] : []), `Today is taken as ${readableDay(today)}.`, ...rules];
}

/** A fence longer than any run of backticks inside it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sql\n${text}\n${fence}`;
}

function blockMarkdown(block: Block): string {
  if (block.kind === 'paragraph') return block.text.markdown;
  const title = block.title ? `**${escapeMarkdown(block.title)}**\n\n` : '';
  if (block.kind === 'lines') return title + block.lines.map(({ markdown }) => `- ${markdown}`).join('\n');
  return title + tableMarkdown(block);
}

function tableMarkdown({ columns, rows, more }: Table): string {
  const head = `| ${columns.map(({ label }) => escapeMarkdown(label)).join(' | ')} |`;
  const rule = `| ${columns.map(({ isNumber }) => (isNumber ? '---:' : '---')).join(' | ')} |`;
  const body = rows.map((row) => `| ${row.map((cell) => escapeMarkdown(cell)).join(' | ')} |`);
  return [head, rule, ...body].join('\n') + (more ? `\n\n… and ${whole(more)} more.` : '');
}

function blockPlain(block: Block): string {
  if (block.kind === 'paragraph') return block.text.plain;
  const title = block.title ? `${escapePlain(block.title)}:\n` : '';
  if (block.kind === 'lines') return title + block.lines.map(({ plain }) => `- ${plain}`).join('\n');
  return title + tablePlain(block);
}

/** A row as a line: "1. EMEA: Win rate 42.0 %, Won 120, Closed deals 285". */
function tablePlain({ columns, rows, more }: Table): string {
  const body = rows.map(([first = nothing, ...rest], index) => {
    const facts = rest
      .map((cell, at) => [columns[at + 1]?.label ?? '', cell] as const)
      .filter(([, cell]) => cell !== nothing && cell !== '')
      .map(([label, cell]) => (label === 'Value' ? escapePlain(cell) : `${label} ${escapePlain(cell)}`));
    const name = first === nothing ? 'not filled in' : escapePlain(first);
    const mark = columns.length === 2 && columns[1]?.label === 'Value' ? '-' : `${index + 1}.`;
    return `${mark} ${name}${facts.length > 0 ? `: ${facts.join(', ')}` : ''}`;
  });
  return body.join('\n') + (more ? `\n… and ${whole(more)} more.` : '');
}
