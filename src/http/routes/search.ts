import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { parseSearch } from '../../record/search/query.ts';
import type { FoundConversation } from '../../store/store.ts';
import { type FilterQuery, filterOf, filterParameters } from '../conversation-filter.ts';
import type { AppPorts } from '../ports.ts';
import { searchShape } from '../shapes/record.ts';
import { summaryToWire } from '../wire.ts';

const searchQuery = Type.Object(
  {
    q: Type.String({ description: 'Words, "a phrase", begin*, -without.' }),
    ...filterParameters,
    after: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  { additionalProperties: false },
);

const schema = {
  summary: 'Search questions and answers',
  querystring: searchQuery,
  response: { 200: searchShape },
};

interface SearchParameters extends FilterQuery {
  readonly q: string;
  readonly after?: string;
  readonly limit?: number;
}

/** `GET /conversations/search?q=…`: what was asked or answered, newest first. */
export function registerSearch(app: FastifyInstance, { store }: AppPorts): void {
  app.get<{ Querystring: SearchParameters }>('/conversations/search', { schema }, async (request) => {
    const { q, after, limit = 20 } = request.query;
    const { conversationId: _, ...filter } = filterOf(request.query);
    const query = parseSearch(q);
    const page = await store.search({ ...filter, query, limit, ...(after !== undefined && { after }) });
    return {
      success: true,
      conversations: page.found.map(foundToWire),
      next: page.next ?? null,
      behind: page.behind,
    };
  });
}

function foundToWire({ summary, question, answer }: FoundConversation) {
  return { ...summaryToWire(summary), highlights: { question, answer } };
}
