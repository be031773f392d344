import type { Json, JsonObject } from '../core/json.ts';
import { contentFields, type RecordedEvent } from './events.ts';

/** Where nothing takes the place of content that is not simply an empty one of its kind. */
const absent: ReadonlySet<string> = new Set(['response', 'responsePlain']);

function emptied(name: string, value: unknown): Json {
  if (absent.has(name) || value === null) return null;
  if (Array.isArray(value)) return [];
  return typeof value === 'object' ? {} : '';
}

/**
 * The data of an event without what people, agents and receivers wrote (`contentFields`); ids, times, status, sizes and numbers stay. Again, it changes nothing. Of a fact that is no event of the map
 * nobody knows what is content, so nothing of it stays.
 */
export function eraseContent(type: string, data: JsonObject): JsonObject {
  if (!type.startsWith('WEBHOOK_')) return {};
  const erased: Record<string, unknown> = { ...data };
  for (const [name, value] of Object.entries(data)) {
    if (contentFields.has(name)) erased[name] = emptied(name, value);
  }
  const { error } = erased as { error?: JsonObject | null };
  if (error) erased.error = { ...error, message: '' };
  // An error of ours may quote what it failed at.
  delete erased.problem;
  return erased as JsonObject;
}

/** Whether a question, an answer, its tool calls or further fields have a text; upper and lower case are the same. */
export function mentions(event: RecordedEvent, subject: string): boolean {
  const wanted = folded(subject);
  const has = (value: unknown): boolean => {
    if (typeof value === 'string') return folded(value).includes(wanted);
    if (Array.isArray(value)) return value.some(has);
    if (typeof value === 'number') return String(value) === wanted;
    return (
      typeof value === 'object' &&
      value !== null &&
      Object.entries(value).some(([name, of]) => has(name) || has(of))
    );
  };
  if (event.type === 'WEBHOOK_REQUEST_RECEIVED')
    return has(event.data.query) || hasValue(event.data.extra, has);
  if (event.type !== 'WEBHOOK_MANAGER_AGENT_RESPONSE') return false;
  const { response, responsePlain, toolCalls, error } = event.data;
  return (
    [response, responsePlain, error?.message].some(has) ||
    toolCalls.some((call) => has(call.input) || has(call.output))
  );
}

const hasValue = (extra: JsonObject | undefined, has: (value: unknown) => boolean) => has(extra ?? {});

const folded = (text: string): string => text.normalize('NFKC').toLowerCase();
