import { Type } from 'typebox';
import { metadataNames } from '../../core/envelope.ts';
import { anyObject, nullable, time } from './parts.ts';

const metadata = Type.Object(
  Object.fromEntries(metadataNames.map((name) => [name, Type.String({ minLength: 1, maxLength: 255 })])),
  { title: 'EnvelopeMetadata' },
);

export const agentRequestShape = Type.Object(
  {
    metadata,
    payload: Type.Object({
      question: Type.String({ minLength: 1, maxLength: 10_000 }),
      session_id: Type.String({ minLength: 1, maxLength: 255 }),
    }),
  },
  { title: 'AgentRequest' },
);

export const agentAnswerShape = Type.Object(
  {
    metadata,
    payload: Type.Object({
      markdown: Type.String(),
      plain: Type.String(),
      understood: Type.Boolean(),
      topic: nullable(Type.String()),
      tool_calls: Type.Array(anyObject('What the answer rests on.')),
    }),
  },
  { title: 'AgentAnswer' },
);

export const agentErrorShape = Type.Object(
  {
    metadata: nullable(metadata),
    error: Type.Object({
      code: Type.String(),
      message: Type.String(),
      details: anyObject('Every fault of the envelope.'),
      recovery_action: Type.String(),
      retry_strategy: Type.Object({
        max_attempts: Type.Integer({ description: '0: the same key gives the same error.' }),
        backoff_rate: Type.Number(),
        initial_delay_seconds: Type.Number(),
      }),
      severity: Type.String(),
      diagnostic_info: Type.Object({
        trace_id: Type.String(),
        service: Type.String(),
        operation: Type.String(),
        timestamp: time(),
      }),
    }),
  },
  { title: 'AgentError' },
);
