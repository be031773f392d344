import { Type } from 'typebox';
import { conversationStatuses, type DeliveryStatus, eventTypes, webhookTypes } from '../../record/events.ts';
import { limits } from '../ask-body.ts';
import { anyObject, nullable, oneOf, page, success, time, uuid } from './parts.ts';

const deliveryStatuses: readonly DeliveryStatus[] = [
  'none',
  'pending',
  'retrying',
  'delivered',
  'failed',
  'not_configured',
];

/** The body of `POST /webhook`; `ask-body.ts` checks it, and says every fault at once. */
export const askShape = Type.Object(
  {
    query: Type.String({
      minLength: 1,
      maxLength: limits.query,
      description: 'What is asked; counted after trimming.',
    }),
    source_system: Type.String({ minLength: 1, maxLength: limits.name }),
    source_process: Type.String({ minLength: 1, maxLength: limits.name }),
    timestamp: time('With a zone; at most 5 minutes ahead of the server.'),
  },
  {
    title: 'Question',
    additionalProperties: true,
    description: 'Other members are kept under `extra` on the record.',
    examples: [
      {
        query: 'What deals are closing this quarter?',
        source_system: 'crm',
        source_process: 'weekly_review',
        timestamp: '2026-08-14T09:18:33.360Z',
      },
    ],
  },
);

export const acceptedShape = success(
  {
    message: Type.Literal('Request queued for processing'),
    tracking_id: uuid('Follow it at `GET /webhook/{tracking_id}`.'),
    queued_at: time(),
    estimated_processing_time: Type.String({ examples: ['30-60 seconds'] }),
    status: Type.Literal('queued'),
    tracking: Type.Object({
      conversation_id: Type.String({ examples: ['webhook_20260814_091833_crm_weeklyreview_abc123'] }),
      delivery_id: uuid('The `webhook-id` of the delivery.'),
      webhook_type: oneOf(webhookTypes),
      processing_time_ms: Type.Number(),
    }),
  },
  { title: 'Accepted' },
);

const about = {
  tracking_id: uuid(),
  conversation_id: Type.String(),
  delivery_id: uuid(),
  status: oneOf(conversationStatuses),
  delivery_status: oneOf(deliveryStatuses),
  complete: Type.Boolean({ description: 'Nothing more will happen by itself.' }),
  source_system: Type.String(),
  source_process: Type.String(),
  webhook_type: oneOf(webhookTypes),
  account: nullable(Type.String({ description: 'The account that the request names.' })),
  received_at: time(),
  answered_at: nullable(time()),
  completed_at: nullable(time()),
  next_attempt_at: nullable(time('When a failed delivery is tried again.')),
  answer_time_ms: nullable(Type.Number()),
  total_time_ms: nullable(Type.Number()),
  attempts: Type.Integer({ description: 'Delivery attempts so far.' }),
  problem: nullable(Type.String({ description: 'Why it failed, or why its latest delivery attempt did.' })),
  erased_at: nullable(time('Since when its content is gone.')),
};

export const summaryShape = Type.Object(
  { ...about, query_start: Type.String({ description: 'The first 200 characters of the question.' }) },
  { title: 'ConversationSummary' },
);

/** A page, and how many there are in all where that was asked for. */
export const conversationsShape = Type.Object({
  ...page('conversations', summaryShape).properties,
  total: Type.Optional(
    Type.Object({ count: Type.Integer(), exact: Type.Boolean() }, { description: 'With `count=true`.' }),
  ),
});

const answerShape = Type.Object(
  {
    response: Type.String({ description: 'Markdown.' }),
    response_plain: Type.String(),
    session_id: Type.String(),
    timestamp: time(),
    agent: Type.String(),
    understood: Type.Boolean(),
    agent_time_ms: Type.Number(),
    tool_calls: Type.Array(
      Type.Object({
        tool: Type.String(),
        input: anyObject('What the tool was given.'),
        output: anyObject('What it gave back.'),
        started_at: Type.Optional(time()),
        duration_ms: Type.Number(),
      }),
    ),
  },
  { title: 'Answer' },
);

const attemptShape = Type.Object(
  {
    attempt: Type.Integer({ minimum: 1 }),
    at: time(),
    delivery_id: uuid(),
    webhook_url: Type.String(),
    delivered: Type.Boolean(),
    status_code: nullable(Type.Integer({ description: 'Null when no answer came.' })),
    response_time_ms: Type.Number(),
    reason: nullable(Type.String()),
    next_attempt_at: nullable(time()),
  },
  { title: 'DeliveryAttempt' },
);

export const conversationShape = success(
  {
    ...about,
    query: Type.String(),
    timestamp: Type.String({ description: 'As the sender gave it.' }),
    estimated_processing_time: Type.String(),
    extra: anyObject('Members of the request that the contract does not name.'),
    ai_response: nullable(answerShape),
    error: nullable(
      Type.Object({ code: Type.String(), message: Type.String(), recoverable: Type.Boolean() }),
    ),
    delivery_attempts: Type.Array(attemptShape),
  },
  { title: 'Conversation' },
);

export const eventStream = {
  description: `Server-sent events: \`id\` is the sequence number, \`event\` one of ${eventTypes.join(', ')}, \`data\` JSON.`,
  content: { 'text/event-stream': { schema: { type: 'string' } } },
};
