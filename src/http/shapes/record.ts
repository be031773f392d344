import { Type } from 'typebox';
import { webhookTypes } from '../../record/events.ts';
import { projectionNames } from '../../record/projections.ts';
import { summaryShape } from './conversation.ts';
import { nullable, oneOf, page, success, time } from './parts.ts';

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
