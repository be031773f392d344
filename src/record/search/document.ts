import { hash } from 'node:crypto';
import type { ConversationSummary } from '../conversation.ts';
import type { RecordedEvent } from '../events.ts';
import { searchLimits, type Term } from './query.ts';
import { wordsOf } from './words.ts';

/** What is kept of a conversation for the search: words, in their order. */
export interface SearchDocument {
  readonly question: readonly string[];
  readonly answer: readonly string[];
  /** What it is filtered by, as words that no text has. */
  readonly facets: readonly string[];
}

/** Of one text; what comes after so many words is not found. */
const wordsAtMost = 5_000;

/** What the search has of a conversation, from its state and its events. */
export function searchDocument(
  conversation: ConversationSummary,
  events: readonly RecordedEvent[],
): SearchDocument {
  const { question, answer } = textsOf(events);
  return {
    question: wordsOf(question, wordsAtMost).map((word) => word.text),
    answer: wordsOf(answer, wordsAtMost).map((word) => word.text),
    facets: facetsOf(conversation),
  };
}

/** Whether question or answer have it. */
export function hasTerm({ question, answer }: SearchDocument, { words, isPrefix }: Term): boolean {
  const last = words.length - 1;
  const isAt = (all: readonly string[], at: number) =>
    words.every((word, n) =>
      isPrefix && n === last ? all[at + n]?.startsWith(word) === true : all[at + n] === word,
    );
  return [question, answer].some((all) => all.some((_, at) => isAt(all, at)));
}

/** The texts that are searched: the question, and the latest answer. */
export function textsOf(events: readonly RecordedEvent[]): { question: string; answer: string } {
  let [question, answer] = ['', ''];
  for (const event of events) {
    if (event.type === 'WEBHOOK_REQUEST_RECEIVED') question = event.data.query;
    else if (event.type === 'WEBHOOK_MANAGER_AGENT_RESPONSE' && event.data.response !== null) {
      answer = event.data.responsePlain ?? event.data.response;
    }
  }
  return { question, answer };
}

/** Beginnings of words are kept in these lengths; nobody searches for shorter ones. */
const beginningLengths = { least: searchLimits.prefix, most: 6 } as const;

/** The beginnings of all words of a conversation, each once: in the order of words, those that are the same follow each other. */
export function beginningsOf({ question, answer }: SearchDocument): string[] {
  const { least, most } = beginningLengths;
  const found: string[] = [];
  let before = '';
  for (const word of [...new Set([...question, ...answer])].sort()) {
    let length = 0;
    while (length < most && length < word.length && word[length] === before[length]) length++;
    for (length = Math.max(least, length + 1); length <= most && length <= word.length; length++) {
      found.push(word.slice(0, length));
    }
    before = word;
  }
  return found;
}

/** Whether a term is one of the beginnings that are kept. */
export const isBeginning = ({ words, isPrefix }: Term): boolean =>
  isPrefix && words.length === 1 && words[0]!.length <= beginningLengths.most;

export interface Facets {
  readonly sourceSystem?: string | undefined;
  readonly sourceProcess?: string | undefined;
  readonly webhookType?: string | undefined;
  readonly account?: string | null | undefined;
}

function facetsOf(conversation: ConversationSummary): string[] {
  const day = dayOf(conversation.receivedAt);
  return [...valueFacets(conversation), `d${day}`, `m${day.slice(0, 6)}`];
}

/** What a conversation with these values has. Another value may have the same facet, so that rows are looked at as well. */
export function valueFacets({ sourceSystem, sourceProcess, webhookType, account }: Facets): string[] {
  const values = { s: sourceSystem, p: sourceProcess, t: webhookType, a: account };
  return Object.entries(values).flatMap(([letter, value]) =>
    value === undefined || value === null ? [] : `${letter}${hash('sha1', value).slice(0, 10)}`,
  );
}

const dayMs = 86_400_000;
const facetsAtMost = 150;

/**
 * The facets of all days from one time to another (both included): of whole months one each. Undefined for more years than a query
 * should have facets.
 */
export function timeFacets(from: number, to: number): string[] | undefined {
  const facets = new Set<string>();
  for (let at = from; facets.size <= facetsAtMost; ) {
    const day = dayOf(at);
    if (day > dayOf(to)) return [...facets];
    const monthEnd = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)), 1);
    const isWhole = day.endsWith('01') && monthEnd <= to;
    facets.add(isWhole ? `m${day.slice(0, 6)}` : `d${day}`);
    at = isWhole ? monthEnd : (Math.floor(at / dayMs) + 1) * dayMs;
  }
  return undefined;
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
