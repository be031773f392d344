import { Type } from 'typebox';
import { nullable, oneOf, page, time } from './parts.ts';

const text = () => Type.String();

const actShape = Type.Object(
  {
    at: time(),
    id: text(),
    act: Type.String({
      description: 'Such as `runs.cancel`; `access.refused` is a call that was not let in.',
    }),
    target: nullable(text()),
    actor: text(),
    actor_kind: oneOf(['key', 'token', 'anybody', 'command_line', 'unknown']),
    actor_id: nullable(text()),
    session: nullable(text()),
    address: nullable(text()),
    route: nullable(text()),
    more: Type.Optional(Type.Integer({ description: 'How many more were refused that have no line.' })),
    outcome: oneOf(['done', 'refused', 'failed', 'unknown'], '`unknown`: it was cut off.'),
    status: nullable(Type.Integer()),
    code: nullable(text()),
    detail: nullable(
      Type.String({ description: 'What it was done to: how many, and how they were chosen.' }),
    ),
    ended_at: nullable(time()),
  },
  { title: 'Act' },
);

export const actsShape = page('acts', actShape);
