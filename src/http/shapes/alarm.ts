import { Type } from 'typebox';
import { nullable, oneOf, success, time } from './parts.ts';

const alarmShape = Type.Object(
  {
    alarm: Type.String({ description: 'Such as `error_rate`.' }),
    rule: Type.String({ description: 'As it is written in `SIGNALBOX_ALARMS`.' }),
    status: oneOf(['ok', 'firing', 'unknown'], '`unknown` until it is looked at for the first time.'),
    since: nullable(time()),
    value: nullable(
      Type.Number({ description: 'What was measured last: a share, milliseconds or a count.' }),
    ),
    detail: nullable(Type.String({ description: 'The same in a sentence.' })),
    notified_at: nullable(time()),
  },
  { title: 'Alarm' },
);

export const alarmsShape = success({
  alarms: Type.Array(alarmShape),
  channels: Type.Array(Type.String({ description: 'Where people are told, such as `slack`.' })),
});

export const testShape = success({ channels: Type.Array(Type.String()) });
