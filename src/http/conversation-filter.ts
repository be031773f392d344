import { Type } from 'typebox';
import { type FieldError, SignalboxError } from '../core/errors.ts';
import { parseDateOrTime } from '../core/timestamp.ts';
import {
  type ConversationStatus,
  conversationStatuses,
  type WebhookType,
  webhookTypes,
} from '../record/events.ts';
import type { ConversationFilter } from '../store/store.ts';

const oneOf = (values: readonly string[]) => Type.Unsafe<string>({ type: 'string', enum: [...values] });
const name = Type.Optional(Type.String({ minLength: 1, maxLength: 128 }));

/** The parameters that choose conversations, for the schema of a route. */
export const filterParameters = {
  status: Type.Optional(oneOf(conversationStatuses)),
  source_system: name,
  source_process: name,
  webhook_type: Type.Optional(oneOf(webhookTypes)),
  account: name,
  from: Type.Optional(Type.String({ maxLength: 40 })),
  to: Type.Optional(Type.String({ maxLength: 40 })),
} as const;

export interface FilterQuery {
  readonly status?: ConversationStatus;
  readonly source_system?: string;
  readonly source_process?: string;
  readonly webhook_type?: WebhookType;
  readonly account?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Throws `invalid_request` for a time that is none. */
export function filterOf(query: FilterQuery): ConversationFilter {
  const { status, source_system: sourceSystem, source_process: sourceProcess, account } = query;
  return {
    ...(status !== undefined && { status }),
    ...(sourceSystem !== undefined && { sourceSystem }),
    ...(sourceProcess !== undefined && { sourceProcess }),
    ...(query.webhook_type !== undefined && { webhookType: query.webhook_type }),
    ...(account !== undefined && { account: account.trim() }),
    ...timesOf(query),
  };
}

/** `from` and `to` as milliseconds since the epoch. Throws `invalid_request`. */
export function timesOf(query: Pick<FilterQuery, 'from' | 'to'>): { from?: number; to?: number } {
  const faults: FieldError[] = [];
  const read = (path: 'from' | 'to') => {
    const text = query[path];
    const at = text === undefined ? undefined : parseDateOrTime(text);
    if (text !== undefined && at === undefined) {
      // In a URL a plus stands for a space.
      const plus = text.includes(' ') ? '; a + is written %2B in a URL' : '';
      const expected =
        'a date such as 2026-08-14 or an ISO-8601 time with a zone such as 2026-08-14T09:00:00Z';
      faults.push({ path, message: `is not ${expected}${plus}` });
    }
    return at;
  };
  const [from, to] = [read('from'), read('to')];
  if (from !== undefined && to !== undefined && from >= to) {
    faults.push({ path: 'from', message: 'is not before `to`' });
  }
  if (faults.length > 0) {
    const list = faults.map((fault) => `${fault.path} ${fault.message}`).join('; ');
    throw new SignalboxError('invalid_request', `The request is not valid: ${list}.`, { fields: faults });
  }
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
