import type { ConversationFilter } from './store.ts';

/** One condition on a column of `conversations`, in words that every SQL knows. */
export interface Condition {
  readonly column: string;
  readonly operator: '=' | '>=' | '<';
  readonly value: string | number;
}

/** What must be equal, each of which has an index that goes on with the time of the request. */
export function equalitiesOf(filter: ConversationFilter): Condition[] {
  const { status, sourceSystem, sourceProcess, webhookType, account, conversationId } = filter;
  const values: readonly (readonly [column: string, value: string | undefined])[] = [
    ['conversation_id', conversationId],
    ['account', account],
    ['status', status],
    ['source_system', sourceSystem],
    ['source_process', sourceProcess],
    ['webhook_type', webhookType],
  ];
  return values.flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, operator: '=' as const, value }],
  );
}

export function timesOf({ from, to }: ConversationFilter): Condition[] {
  const column = 'received_at';
  return [
    ...(from === undefined ? [] : [{ column, operator: '>=' as const, value: from }]),
    ...(to === undefined ? [] : [{ column, operator: '<' as const, value: to }]),
  ];
}

/** Whether a row has the values that are asked for, by column. */
export function hasValues(row: object, conditions: readonly Condition[]): boolean {
  return conditions.every(({ column, operator, value }) => {
    const found = row[column as keyof typeof row] as string | number | null;
    if (operator === '=') return found === value;
    return operator === '<' ? Number(found) < Number(value) : Number(found) >= Number(value);
  });
}

/** The number of rows in a page. */
export function pageLimit({ limit = 50 }: { readonly limit?: number }): number {
  return Math.min(Math.max(1, limit), 500);
}
