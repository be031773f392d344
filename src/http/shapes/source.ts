import { Type } from 'typebox';
import { anyObject, nullable, oneOf, success, time, uuid } from './parts.ts';

const source = {
  name: Type.String(),
  scheme: Type.String(),
  secrets: Type.Array(
    Type.Object({ label: Type.String(), not_before: nullable(time()), not_after: nullable(time()) }),
    { description: 'Never with the secret itself.' },
  ),
  starts: Type.Union([Type.Object({ flow: Type.String() }), Type.Object({ definition_id: Type.String() })]),
  origin: oneOf(['api', 'file'], 'A source of a file is changed there alone.'),
  overridden: Type.Optional(
    Type.Literal(true, { description: 'A source of this name in the file stands in the place of this one.' }),
  ),
  options: anyObject('Those of every source and those of its scheme; see docs/reference/inbound.md.'),
};

export const sourceShape = Type.Object(source, { title: 'Source' });
export const shownSourceShape = success(source);
export const deletedSourceShape = success({ deleted: Type.String() });

/** Refusals have numbers as cursors. */
export const refusalsShape = success({
  refusals: Type.Array(
    Type.Unsafe<object>({
      ...{ type: 'object', additionalProperties: true },
      description:
        'A sample of what was refused: its source, what was wrong, headers without secrets, the hash of the body.',
    }),
  ),
  next: nullable(Type.Integer({ description: 'The value of `after` for the following page.' })),
});

export const webhookTakenShape = success(
  {
    message: Type.String(),
    source: Type.String(),
    status: Type.Union([Type.Literal('queued'), Type.Literal('ignored')]),
    runs: Type.Array(Type.Object({ run_id: uuid(), event_type: nullable(Type.String()) })),
    ignored: Type.Integer({ description: 'Events of the delivery that start nothing.' }),
  },
  { title: 'WebhookTaken' },
);
