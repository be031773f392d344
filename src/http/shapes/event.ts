import { Type } from 'typebox';
import { nullable, oneOf, uuid } from './parts.ts';

const fieldError = Type.Object({ path: Type.String(), message: Type.String() });
const count = (description: string) => Type.Integer({ description });

export const eventsTakenShape = Type.Object(
  {
    success: Type.Boolean({ description: 'False when an event was refused.' }),
    queued: count('Events that started something.'),
    replayed: count('Events that came before.'),
    ignored: count('Events that no subscription wants.'),
    refused: count('Events that can start nothing as they are, or that a subscription over its limit wants.'),
    events: Type.Array(
      Type.Object({
        id: nullable(Type.String()),
        type: nullable(Type.String()),
        status: oneOf(['queued', 'replayed', 'ignored', 'refused']),
        runs: Type.Array(Type.Object({ subscription: Type.String(), run_id: uuid() })),
        execution_id: Type.Optional(Type.String({ description: 'Of a trigger.' })),
        error: Type.Optional(
          Type.Object({
            code: Type.String(),
            status: Type.Integer({
              description: '429: a subscription is held back; send the event again later.',
            }),
            detail: Type.String(),
            errors: Type.Optional(Type.Array(fieldError)),
          }),
        ),
      }),
      { description: 'In the order of the request.' },
    ),
  },
  { title: 'EventsTaken' },
);
