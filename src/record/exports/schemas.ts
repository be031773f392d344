import { type Static, type TSchema, Type } from 'typebox';
import { conversationStatuses, webhookTypes } from '../events.ts';

/**
 * What is in the four files of an exported conversation. docs/reference/exports has the same as JSON Schema, for those who read
 * the files; a test compares both. A change that breaks readers raises the version.
 */
export const exportVersion = '1.0';

const time = Type.String({ format: 'date-time', description: 'ISO-8601, UTC, with milliseconds' });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
const milliseconds = orNull(Type.Number({ minimum: 0, description: 'Milliseconds' }));
const oneOf = <T extends string>(...values: readonly T[]) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values] });
const anything = Type.Record(Type.String(), Type.Unknown());
const closed = { additionalProperties: false } as const;

const webhookType = oneOf(...webhookTypes);
const status = oneOf(...conversationStatuses);
const deliveryStatus = oneOf('none', 'pending', 'retrying', 'delivered', 'failed', 'not_configured');

const exportMetadata = Type.Object(
  {
    format: Type.Literal('webhook_structured_json'),
    version: Type.Literal(exportVersion),
    channel: Type.Literal('webhook'),
    as_of: time,
  },
  { ...closed, description: '`as_of`: the time of the latest event that is in it' },
);

const identity = {
  conversation_id: Type.String(),
  tracking_id: Type.String({ format: 'uuid' }),
  session_id: orNull(Type.String()),
  status,
  received_at: time,
  answered_at: orNull(time),
  completed_at: orNull(time),
};

const timings = { agent_time_ms: milliseconds, answer_time_ms: milliseconds, total_time_ms: milliseconds };

const attempt = Type.Object(
  {
    attempt: Type.Integer({ minimum: 1 }),
    attempted_at: time,
    delivery_id: Type.String({ format: 'uuid' }),
    webhook_url: Type.String(),
    delivered: Type.Boolean(),
    status_code: orNull(Type.Integer()),
    response_time_ms: Type.Number({ minimum: 0 }),
    reason: orNull(Type.String()),
    next_attempt_at: orNull(time),
  },
  closed,
);

const turn = Type.Object(
  {
    role: oneOf('user', 'assistant'),
    content: Type.String(),
    content_plain: Type.Optional(Type.String()),
    timestamp: time,
  },
  closed,
);

const failure = Type.Object(
  { code: Type.String(), message: Type.String(), recoverable: Type.Boolean() },
  closed,
);

const conversation = Type.Object(
  {
    export_metadata: exportMetadata,
    conversation: Type.Object(
      {
        metadata: Type.Object(identity, closed),
        webhook_context: Type.Object(
          {
            source_system: Type.String(),
            source_process: Type.String(),
            source_timestamp: Type.String(),
            webhook_type: webhookType,
            delivery_id: Type.String({ format: 'uuid' }),
            delivery_status: deliveryStatus,
            delivery_attempts: Type.Array(attempt),
            extra: anything,
          },
          closed,
        ),
        conversation: Type.Object(
          {
            turns: Type.Array(turn),
            tool_calls: Type.Array(
              Type.Object(
                {
                  tool: Type.String(),
                  input: anything,
                  output: anything,
                  started_at: Type.Optional(time),
                  duration_ms: Type.Number(),
                },
                closed,
              ),
            ),
            agent_messages: Type.Array(
              Type.Object({ agent: Type.String(), content: Type.String(), timestamp: time }, closed),
            ),
            error: orNull(failure),
          },
          closed,
        ),
        execution: Type.Object(
          {
            steps: Type.Array(Type.Object({ event_type: Type.String(), timestamp: time }, closed)),
            timings: Type.Object(timings, closed),
            tokens: Type.Object({ input: count, output: count }, closed),
            cost: Type.Object({ amount: Type.Number(), currency: Type.Literal('USD') }, closed),
          },
          closed,
        ),
      },
      closed,
    ),
  },
  {
    ...closed,
    $id: 'urn:signalbox:export:conversation:1.0',
    title: 'conversation.json: all of a conversation',
  },
);

const metadata = Type.Object(
  {
    export_metadata: exportMetadata,
    ...identity,
    source_system: Type.String(),
    source_process: Type.String(),
    webhook_type: webhookType,
    delivery_id: Type.String({ format: 'uuid' }),
    delivery_status: deliveryStatus,
    delivery_attempts: count,
    query_length: count,
    response_length: count,
    tools_used: Type.Array(Type.String()),
    tool_call_count: count,
    event_count: count,
    error_code: orNull(Type.String()),
    ...timings,
  },
  {
    ...closed,
    $id: 'urn:signalbox:export:metadata:1.0',
    title: 'metadata.json: nothing of its content, for monitoring',
  },
);

const summaryFields = {
  export_version: Type.Literal(exportVersion),
  conversation_id: Type.String(),
  tracking_id: Type.String({ format: 'uuid' }),
  received_at: time,
  source_system: Type.String(),
  webhook_type: webhookType,
  status,
  delivery_status: deliveryStatus,
  delivery_attempts: count,
  total_time_ms: milliseconds,
};

const summary = Type.Object(summaryFields, {
  ...closed,
  $id: 'urn:signalbox:export:summary:1.0',
  title: 'summary.json: one line, for dashboards',
});

const analysis = Type.Object(
  {
    ...summaryFields,
    source_process: Type.String(),
    session_id: orNull(Type.String()),
    agent: orNull(Type.String()),
    query: Type.String(),
    response_plain: orNull(Type.String()),
    understood: orNull(Type.Boolean()),
    query_length: count,
    response_length: count,
    tool_call_count: count,
    event_count: count,
    answered_at: orNull(time),
    completed_at: orNull(time),
    agent_time_ms: milliseconds,
    answer_time_ms: milliseconds,
    error_code: orNull(Type.String()),
    problem: orNull(Type.String()),
  },
  {
    ...closed,
    $id: 'urn:signalbox:export:analysis:1.0',
    title: 'analysis.json: flat and typed, for analysis tools',
  },
);

export const exportSchemas = { conversation, metadata, summary, analysis } as const;

export type ExportForm = keyof typeof exportSchemas;
export type ExportOf<F extends ExportForm> = Static<(typeof exportSchemas)[F]>;

export const exportForms = Object.keys(exportSchemas) as readonly ExportForm[];
