import { type Static, Type } from 'typebox';

/** The types of `record/events.ts`. */
export const webhookTypeSchema = Type.Union([
  Type.Literal('deal_analysis'),
  Type.Literal('data_analysis'),
  Type.Literal('lead_analysis'),
  Type.Literal('general'),
]);

/** Where a run belongs in a trace: see `core/trace-context.ts`. Absent from requests whose sender has none. */
export const traceFields = {
  traceparent: Type.Optional(Type.String()),
  tracestate: Type.Optional(Type.String()),
  xrayTrace: Type.Optional(Type.String()),
};

/** What a run of the query flow begins with: an accepted request. */
export const queryInputSchema = Type.Object({
  ...traceFields,
  trackingId: Type.String(),
  conversationId: Type.String(),
  deliveryId: Type.String(),
  query: Type.String(),
  sourceSystem: Type.String(),
  sourceProcess: Type.String(),
  /** The sender's own time, ISO-8601. */
  timestamp: Type.String(),
  /** A first guess. */
  webhookType: webhookTypeSchema,
  /** ISO-8601. */
  queuedAt: Type.String(),
  estimatedProcessingTime: Type.String(),
  /** How long accepting took; a repeated request is answered with it again. */
  processingTimeMs: Type.Number(),
});
export type QueryInput = Static<typeof queryInputSchema>;

const answerSchema = Type.Object({
  /** Markdown. */
  response: Type.String(),
  responsePlain: Type.String(),
  sessionId: Type.String(),
  /** ISO-8601. */
  timestamp: Type.String(),
});

const failureSchema = Type.Object({
  code: Type.String(),
  message: Type.String(),
  recoverable: Type.Boolean(),
});

/** What a run of the delivery flow begins with: an answer, or the account of a failure; one of the two is null. */
export const deliveryInputSchema = Type.Object({
  ...traceFields,
  /** The run that has the answer. */
  parentRunId: Type.Optional(Type.String()),
  trackingId: Type.String(),
  conversationId: Type.String(),
  /** The `webhook-id` of every attempt, also of a run that is started anew. */
  deliveryId: Type.String(),
  query: Type.String(),
  sourceSystem: Type.String(),
  sourceProcess: Type.String(),
  webhookType: webhookTypeSchema,
  queuedAt: Type.String(),
  answer: Type.Union([answerSchema, Type.Null()]),
  error: Type.Union([failureSchema, Type.Null()]),
});
export type DeliveryInput = Static<typeof deliveryInputSchema>;
