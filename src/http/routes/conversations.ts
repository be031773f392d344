import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import {
  type ConversationStatus,
  conversationStatuses,
  type WebhookType,
  webhookTypes,
} from '../../record/events.ts';
import type { ConversationFilter } from '../../store/store.ts';
import type { AppPorts } from '../ports.ts';
import { conversationToWire, summaryToWire } from '../wire.ts';

/** `GET /webhook/{tracking_id}`: where it stands, every attempt, and the answer once there is one. */
export function registerStatus(app: FastifyInstance, { store }: AppPorts): void {
  app.get<{ Params: { tracking_id: string } }>('/webhook/:tracking_id', async (request) => {
    const trackingId = trackingIdOf(request.params.tracking_id);
    const conversation = await store.conversation(trackingId);
    if (conversation === undefined) throw unknownConversation(trackingId);
    return { success: true, ...conversationToWire(conversation) };
  });
}

const oneOf = (values: readonly string[]) => Type.Unsafe<string>({ type: 'string', enum: [...values] });

const listQuery = Type.Object(
  {
    status: Type.Optional(oneOf(conversationStatuses)),
    source_system: Type.Optional(Type.String({ maxLength: 128 })),
    webhook_type: Type.Optional(oneOf(webhookTypes)),
    after: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  },
  { additionalProperties: false },
);

interface ListQuery {
  readonly status?: ConversationStatus;
  readonly source_system?: string;
  readonly webhook_type?: WebhookType;
  readonly after?: string;
  readonly limit?: number;
}

/** `GET /conversations`: newest first, in pages. */
export function registerConversations(app: FastifyInstance, { store }: AppPorts): void {
  app.get<{ Querystring: ListQuery }>(
    '/conversations',
    { schema: { querystring: listQuery } },
    async (request) => {
      const page = await store.conversations(filterOf(request.query));
      return {
        success: true,
        conversations: page.conversations.map(summaryToWire),
        next: page.next ?? null,
      };
    },
  );
}

function filterOf(query: ListQuery): ConversationFilter {
  const { status, source_system: sourceSystem, webhook_type: webhookType, after, limit } = query;
  return {
    ...(status && { status }),
    ...(sourceSystem !== undefined && { sourceSystem }),
    ...(webhookType && { webhookType }),
    ...(after !== undefined && { after }),
    ...(limit !== undefined && { limit }),
  };
}

/** Ids are kept in lower case. */
export function trackingIdOf(text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  throw new SignalboxError(
    'not_found',
    `${JSON.stringify(text.slice(0, 80))} is not a tracking id; it is the \`tracking_id\` of the answer to POST /webhook.`,
  );
}

export function unknownConversation(trackingId: string): SignalboxError {
  return new SignalboxError('not_found', `There is no conversation with the tracking id ${trackingId}.`);
}
