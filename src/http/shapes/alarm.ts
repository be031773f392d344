import { Type } from 'typebox';
import { nullable, oneOf, success, time } from './parts.ts';

const alarmShape = Type.Object(
  {
    alarm: Type.String({ description: 'Such as `error_rate`.' }),
    rule: Type.String({ description: 'As it is written in `SIGNALBOX_ALARMS`.' }),
    status: oneOf(
      ['ok', 'firing', 'unknown'],
      '`unknown` until it is looked at for the first time, and when it has not been for three minutes.',
    ),
    since: nullable(time()),
    value: nullable(
      Type.Number({ description: 'What was measured last: a share, milliseconds or a count.' }),
    ),
    detail: nullable(Type.String({ description: 'The same in a sentence.' })),
    clear_since: nullable(time('While it fires and is below its threshold: since when.')),
    silenced_until: nullable(time('Until then it tells nothing but that a count has doubled.')),
    notified_at: nullable(time()),
    looked_at: nullable(time('When it was measured last.')),
  },
  { title: 'Alarm' },
);

const placeShape = Type.Object(
  {
    channel: Type.String({ description: 'Such as `slack`.' }),
    run_id: nullable(Type.String({ description: 'The run that told it something last.' })),
    status: nullable(Type.String({ description: 'That of the run: `waiting` is tried again.' })),
    at: nullable(time()),
    error: nullable(Type.String({ description: 'Why the place did not take it, once it is given up.' })),
  },
  { title: 'AlarmPlace' },
);

export const alarmsShape = success({
  alarms: Type.Array(alarmShape),
  channels: Type.Array(Type.String({ description: 'Where people are told, such as `slack`.' })),
  places: Type.Array(placeShape),
});

export const silenceShape = success({ alarm: Type.String(), silenced_until: nullable(time()) });

export const testShape = success({
  channels: Type.Array(Type.String()),
  runs: Type.Array(Type.Object({ channel: Type.String(), run_id: Type.String() }), {
    description: 'The run that tells each place: `GET /runs/{run_id}` says what came of it.',
  }),
});
