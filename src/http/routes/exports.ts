import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { exportedEvents, exportFile, exportPrefix } from '../../record/exports/forms.ts';
import { type ExportForm, exportForms } from '../../record/exports/schemas.ts';
import type { AppPorts } from '../ports.ts';
import { success, uuid } from '../shapes/parts.ts';
import { findConversation } from './conversations.ts';

const exportQuery = Type.Object(
  { format: Type.Optional(Type.Unsafe<ExportForm>({ type: 'string', enum: [...exportForms] })) },
  { additionalProperties: false },
);

const schemas = {
  show: {
    summary: 'Show one of the files of an export, as it would be written now',
    querystring: exportQuery,
    response: {
      200: {
        description: 'The file; docs/reference/exports.md has the schema of each.',
        content: { 'application/json': { schema: { type: 'object' } } },
      },
    },
  },
  start: {
    summary: 'Write the files of an export',
    response: { 202: success({ tracking_id: uuid(), run_id: uuid(), prefix: Type.String() }) },
  },
};

type Params = { readonly conversation_id: string };

/** `GET /conversations/{conversation_id}/export?format=…`: one of the four files, as it would be written now. */
export function registerExports(app: FastifyInstance, { store, redact }: AppPorts): void {
  app.get<{ Params: Params; Querystring: { readonly format?: ExportForm } }>(
    '/conversations/:conversation_id/export',
    { schema: schemas.show },
    async ({ params, query }, reply) => {
      const conversation = await findConversation(store, params.conversation_id);
      const { format = 'conversation' } = query;
      const { name, body } = exportFile(
        format,
        redact(conversation),
        await store.events(conversation.trackingId, 0, exportedEvents),
      );
      reply.header('content-disposition', `inline; filename="${conversation.conversationId}.${name}"`);
      return reply.type('application/json; charset=utf-8').send(body);
    },
  );
}

/** `POST /conversations/{conversation_id}/export`: writes the four files of a conversation that is complete, in a run of its own. */
export function registerExportStart(app: FastifyInstance, { store, engine, exportFlow }: AppPorts): void {
  app.post<{ Params: Params }>(
    '/conversations/:conversation_id/export',
    { schema: schemas.start },
    async ({ params }, reply) => {
      const conversation = await findConversation(store, params.conversation_id);
      const { trackingId, conversationId, status } = conversation;
      if (!conversation.complete) {
        throw new SignalboxError(
          'conflict',
          `The conversation ${conversationId} is ${status}: it is exported once it is complete.`,
        );
      }
      if (conversation.erasedAt !== null) {
        const at = new Date(conversation.erasedAt).toISOString();
        throw new SignalboxError(
          'conflict',
          `The conversation ${conversationId} was erased at ${at}, with its exports: it is not exported again.`,
        );
      }
      const { runId } = await engine.start(exportFlow, { trackingId });
      const prefix = exportPrefix(conversation);
      return reply.code(202).send({ success: true, tracking_id: trackingId, run_id: runId, prefix });
    },
  );
}
