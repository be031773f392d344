import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { Conversation } from '../../store/store.ts';
import { type FilterQuery, filterOf, filterParameters } from '../conversation-filter.ts';
import type { AppPorts } from '../ports.ts';
import { conversationShape, conversationsShape } from '../shapes/conversation.ts';
import { pageQuery } from '../shapes/parts.ts';
import { conversationToWire, summaryToWire } from '../wire.ts';

/** `GET /webhook/{tracking_id}`: where it stands, every attempt, and the answer once there is one. */
export function registerStatus(app: FastifyInstance, { store }: AppPorts): void {
  const schema = {
    summary: 'Say where a question stands, with every delivery attempt and the answer',
    response: { 200: conversationShape },
  };
  app.get<{ Params: { tracking_id: string } }>('/webhook/:tracking_id', { schema }, async (request) => {
    const trackingId = trackingIdOf(request.params.tracking_id);
    const conversation = await store.conversation(trackingId);
    if (conversation === undefined) throw unknownConversation(trackingId);
    return { success: true, ...conversationToWire(conversation) };
  });
}

const listQuery = Type.Object(
  {
    ...filterParameters,
    ...pageQuery,
    count: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

interface ListQuery extends FilterQuery {
  readonly after?: string;
  readonly limit?: number;
  readonly count?: boolean;
}

const schemas = {
  list: {
    summary: 'List conversations, newest first',
    querystring: listQuery,
    response: { 200: conversationsShape },
  },
  show: {
    summary: 'Show a conversation, by its tracking id or its conversation id',
    response: { 200: conversationShape },
  },
};

/** `GET /conversations`: newest first, in pages. `GET /conversations/{id}`: one, by its tracking id or its conversation id. */
export function registerConversations(app: FastifyInstance, { store }: AppPorts): void {
  app.get<{ Querystring: ListQuery }>('/conversations', { schema: schemas.list }, async (request) => {
    const { after, limit, count } = request.query;
    const filter = filterOf(request.query);
    const options = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) };
    const [page, total] = await Promise.all([
      store.conversations({ ...filter, ...options }),
      count ? store.count(filter) : undefined,
    ]);
    return {
      success: true,
      conversations: page.conversations.map(summaryToWire),
      next: page.next ?? null,
      ...(total && { total }),
    };
  });

  app.get<{ Params: { conversation_id: string } }>(
    '/conversations/:conversation_id',
    { schema: schemas.show },
    async (request) => {
      const conversation = await findConversation(store, request.params.conversation_id);
      return { success: true, ...conversationToWire(conversation) };
    },
  );
}

/** By either of its ids. Throws `not_found`. */
export async function findConversation(
  store: Pick<AppPorts['store'], 'conversation' | 'conversations'>,
  id: string,
): Promise<Conversation> {
  const trackingId = isUuid(id) ? id.toLowerCase() : await trackingIdFor(store, id);
  const conversation = trackingId && (await store.conversation(trackingId));
  if (conversation) return conversation;
  throw new SignalboxError(
    'not_found',
    `There is no conversation ${JSON.stringify(id.slice(0, 120))}. Expected a \`tracking_id\` or a \`conversation_id\` of the answer to POST /webhook.`,
  );
}

async function trackingIdFor(store: Pick<AppPorts['store'], 'conversations'>, conversationId: string) {
  const { conversations } = await store.conversations({ conversationId, limit: 1 });
  return conversations[0]?.trackingId;
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
