import { SignalboxError } from '../../core/errors.ts';
import type { Row, Warehouse } from '../../tools/warehouse/warehouse.ts';
import type { Agent, AgentAnswer, AgentQuestion, ToolCall } from '../agent.ts';
import type { AnswerContext } from './answers/context.ts';
import { answers } from './answers/index.ts';
import { interpret } from './interpret.ts';
import { read } from './reading.ts';
import { write } from './render/write.ts';
import { type Sql, statementOf } from './sql.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import { parseDay } from './words/calendar.ts';
import { tokenize } from './words/tokens.ts';

export interface AnalystOptions {
  readonly warehouse: Warehouse;
  /** The day that counts as today, `YYYY-MM-DD`. */
  readonly today: () => string;
}

/**
 * The agent that needs no model: it reads a question as a query over the semantic layer, runs it, and says what came back, from when,
 * by which rule, with the SQL. What it does not understand it says so. `docs/reference/analyst.md` is what it understands.
 */
export function createAnalyst({ warehouse, today }: AnalystOptions): Agent {
  const vocabularyNow = keepVocabulary(warehouse);
  return {
    name: 'analyst',
    async answer(asked: AgentQuestion): Promise<AgentAnswer> {
      asked.signal.throwIfAborted();
      const vocabulary = await vocabularyNow();
      return answerWith(warehouse, vocabulary, dayOf(today()), asked);
    },
  };
}

function dayOf(text: string): number {
  const day = parseDay(text);
  if (day !== undefined) return day;
  throw new SignalboxError(
    'config_invalid',
    `Today is "${text}". Expected a date such as 2026-08-14; correct SIGNALBOX_TODAY.`,
  );
}

/** Read once per revision, by the first who asks; a failure is not kept. */
function keepVocabulary(warehouse: Warehouse): () => Promise<Vocabulary> {
  let kept: { readonly revision: string; readonly vocabulary: Promise<Vocabulary> } | undefined;
  return () => {
    const revision = warehouse.revision();
    if (kept?.revision !== revision) {
      const reading = { revision, vocabulary: readVocabulary(warehouse) };
      kept = reading;
      reading.vocabulary.catch(() => {
        if (kept === reading) kept = undefined;
      });
    }
    return kept.vocabulary;
  };
}

async function answerWith(
  warehouse: Warehouse,
  vocabulary: Vocabulary,
  today: number,
  asked: AgentQuestion,
): Promise<AgentAnswer> {
  const { question } = asked;
  const tokens = tokenize(question);
  const accounts = await vocabulary.accountsFor(tokens);
  const query = interpret(read(tokens, vocabulary, accounts, today));
  const queries: Sql[] = [];
  const toolCalls: ToolCall[] = [];
  const context: AnswerContext = {
    query,
    question,
    vocabulary,
    today,
    near:
      query.intent === 'unknown_name'
        ? accounts.near(tokenize(query.unknownNames.join(' ')).map(({ stem }) => stem))
        : [],
    run: (sql) => runQuery(warehouse, sql, asked, queries, toolCalls),
  };
  const answer = await answers[query.intent](context);
  return { ...write(answer, today, queries), toolCalls, understood: answer.understood, topic: answer.topic };
}

async function runQuery(
  warehouse: Warehouse,
  query: Sql,
  { signal, trace }: AgentQuestion,
  queries: Sql[],
  toolCalls: ToolCall[],
): Promise<readonly Row[]> {
  const at = queries.push(query) - 1;
  const { text, parameters } = statementOf(query);
  const call = { tool: 'warehouse.query', input: { sql: text, parameters }, startedAt: Date.now() };
  const begun = performance.now();
  try {
    const { rows, truncated, durationMs } = await warehouse.query(text, { parameters, signal });
    const done = { ...call, output: { rows: rows.length, truncated }, durationMs };
    toolCalls[at] = done;
    trace?.toolCalled(done);
    return rows;
  } catch (error) {
    trace?.toolCalled({ ...call, output: {}, durationMs: performance.now() - begun, error });
    throw error;
  }
}
