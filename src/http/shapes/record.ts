import { Type } from 'typebox';
import { webhookTypes } from '../../record/events.ts';
import { projectionNames } from '../../record/projections.ts';
import { eventStream, summaryShape } from './conversation.ts';
import { anyObject, nullable, oneOf, page, success, time, uuid } from './parts.ts';

const behind = Type.Integer({ description: 'Events of the record that have not been looked at yet.' });

/** The places of a text that match; the parts put together are the text. */
const placesShape = Type.Array(Type.Array(Type.Object({ text: Type.String(), match: Type.Boolean() })));

const foundShape = Type.Object(
  {
    ...summaryShape.properties,
    highlights: Type.Object({ question: placesShape, answer: placesShape }),
  },
  { title: 'FoundConversation' },
);

export const searchShape = Type.Object({ ...page('conversations', foundShape).properties, behind });

const rate = nullable(
  Type.Number({ minimum: 0, maximum: 1, description: 'Of those that were delivered or failed.' }),
);

const bucketShape = Type.Object(
  {
    start: time(),
    count: Type.Integer(),
    total_time_ms: Type.Object({
      average: Type.Number(),
      minimum: Type.Number(),
      maximum: Type.Number(),
      p50: Type.Number({ description: 'Percentiles are within 0.8 %.' }),
      p95: Type.Number(),
      p99: Type.Number(),
    }),
    delivery_success_rate: rate,
    types: Type.Record(
      Type.String(),
      Type.Object({
        count: Type.Integer(),
        delivered: Type.Integer(),
        failed: Type.Integer(),
        not_configured: Type.Integer(),
        delivery_success_rate: rate,
      }),
      { description: `By type: ${webhookTypes.join(', ')}.` },
    ),
  },
  { title: 'StatisticsBucket' },
);

export const statisticsShape = success({
  bucket_seconds: Type.Integer(),
  from: time(),
  to: time(),
  buckets: Type.Array(bucketShape, { description: 'Those in which anything was completed.' }),
  behind,
});

export const projectionsShape = success({
  projections: Type.Array(
    Type.Object(
      {
        name: oneOf(projectionNames),
        behind,
        rebuilding: nullable(
          Type.Object({
            done: Type.Integer(),
            of: Type.Integer(),
            changed: Type.Integer({ description: 'Conversations that were put right.' }),
          }),
        ),
      },
      { title: 'Projection' },
    ),
  ),
});

const eventsPage = success({
  events: Type.Array(anyObject('An event: `event_type`, `sequence`, `timestamp`, and what is of its type.')),
  next: nullable(Type.Integer({ description: 'The value of `after` for the following page.' })),
});

export const eventsShape = {
  description: 'A page, or server-sent events.',
  content: { 'application/json': { schema: eventsPage }, ...eventStream.content },
};

const logPage = success({
  ...eventsPage.properties,
  next: nullable(
    Type.Integer({ description: 'The value of `after` for the following page; null at the end of the log.' }),
  ),
  position: Type.Integer({
    description: 'How far this page has looked: later the value of `after` for what has come since.',
  }),
});

export const logEventsShape = {
  description: 'A page, or server-sent events.',
  content: { 'application/json': { schema: logPage }, ...eventStream.content },
};

export const timelineShape = success({
  tracking_id: uuid(),
  timeline: Type.Array(
    Type.Object(
      {
        kind: oneOf([
          ...(['question', 'agent_message', 'tool_call', 'delivery_attempt', 'event'] as const),
          ...(['step', 'wait', 'run'] as const),
        ]),
        name: Type.String(),
        started_at: time(),
        start_is_estimated: Type.Boolean(),
        duration_ms: nullable(Type.Number({ description: 'Null while it goes on.' })),
        outcome: oneOf(['done', 'failed', 'going_on']),
        detail: anyObject('What it was about: content, arguments and result, URL and status …'),
      },
      { title: 'TimelineEntry' },
    ),
  ),
  next: nullable(Type.String({ description: 'The value of `after` for the following page.' })),
  more_runs: Type.Boolean({
    description:
      'Whether there are more runs than are looked at (20): their steps, waits and runs are missing.',
  }),
});
