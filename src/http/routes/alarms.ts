import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { formatRule } from '../../alarms/rule.ts';
import { isSilenced } from '../../alarms/transition.ts';
import { type Alarm, isStale } from '../../alarms/watch.ts';
import { parseDuration } from '../../core/duration.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { AppPorts, LastTold } from '../ports.ts';
import { alarmsShape, silenceShape, testShape } from '../shapes/alarm.ts';

const silenceBody = Type.Object(
  { for: Type.String({ description: 'Such as `8h`, at most `30d`; `off` lets it tell again.' }) },
  { additionalProperties: false },
);
const longestSilenceMs = 30 * 86_400_000;

const schemas = {
  list: { summary: 'Say how each alarm stands', response: { 200: alarmsShape } },
  silence: {
    summary: 'Keep an alarm from telling anything for a time, or let it tell again',
    body: silenceBody,
    response: { 200: silenceShape },
  },
  test: { summary: 'Tell every place where people are told of alarms', response: { 202: testShape } },
};

/** `GET /alarms`: how each alarm stands, and where people are told. */
export function registerAlarms(app: FastifyInstance, { alarms }: AppPorts): void {
  app.get('/alarms', { schema: schemas.list }, async () => {
    const now = Date.now();
    const [all = [], places = []] = await Promise.all([alarms?.alarms(), alarms?.lastTold()]);
    return {
      success: true,
      alarms: all.map((alarm) => alarmToWire(alarm, now)),
      channels: alarms?.channels ?? [],
      places: places.map(placeToWire),
    };
  });
}

/** `POST /alarms/test`: a notification to every place, to see whether it arrives. */
export function registerAlarmTest(app: FastifyInstance, { alarms }: AppPorts): void {
  app.post('/alarms/test', { schema: schemas.test }, async (_, reply) => {
    if (alarms === undefined || alarms.channels.length === 0) throw nobodyIsTold();
    const told = await alarms.test();
    const runs = told.map(({ channel, runId }) => ({ channel, run_id: runId }));
    return reply.code(202).send({ success: true, channels: alarms.channels, runs });
  });
}

/** `POST /alarms/{alarm}/silence`: who knows of it wants to hear no more of it for a time. */
export function registerAlarmSilence(app: FastifyInstance, { alarms }: AppPorts): void {
  app.post<{ Params: { alarm: string }; Body: { readonly for: string } }>(
    '/alarms/:alarm/silence',
    { schema: schemas.silence },
    async ({ params: { alarm }, body }) => {
      const now = Date.now();
      const until = now + silenceMs(body.for);
      if (!(await alarms?.silence(alarm, until))) throw noSuchAlarm(alarm);
      return { success: true, alarm, silenced_until: until > now ? new Date(until).toISOString() : null };
    },
  );
}

function silenceMs(text: string): number {
  if (text === 'off') return 0;
  const durationMs = parseDuration(text);
  if (durationMs !== undefined && durationMs >= 60_000 && durationMs <= longestSilenceMs) return durationMs;
  throw new SignalboxError('invalid_request', 'for is no time from 1m to 30d, such as 8h, and not off.', {
    fields: [{ path: '/for', message: 'must be a time from 1m to 30d, or off' }],
  });
}

const noSuchAlarm = (alarm: string) =>
  new SignalboxError(
    'not_found',
    `There is no alarm ${JSON.stringify(alarm.slice(0, 80))}. GET /alarms lists those of SIGNALBOX_ALARMS.`,
  );

const isoOrNull = (at: number | null | undefined) => (at ? new Date(at).toISOString() : null);

function placeToWire({ channel, run, error }: LastTold): Record<string, unknown> {
  return {
    channel,
    run_id: run?.runId ?? null,
    status: run?.status ?? null,
    at: isoOrNull(run?.createdAt),
    error: error ?? null,
  };
}

/** What nobody has looked at for minutes is not known, whatever it was. */
function alarmToWire({ rule, state }: Alarm, now: number): Record<string, unknown> {
  return {
    alarm: rule.name,
    rule: formatRule(rule),
    status: state === undefined || isStale(state, now) ? 'unknown' : state.status,
    since: isoOrNull(state?.since),
    value: state?.value ?? null,
    detail: state?.detail ?? null,
    clear_since: isoOrNull(state?.clearSince),
    silenced_until: state && isSilenced(state, now) ? isoOrNull(state.silencedUntil) : null,
    notified_at: isoOrNull(state?.notifiedAt),
    looked_at: isoOrNull(state?.lookedAt),
  };
}

const nobodyIsTold = () =>
  new SignalboxError(
    'conflict',
    'No place is configured where people are told. Set SLACK_WEBHOOK_URL, TEAMS_WEBHOOK_URL, SIGNALBOX_SMTP_URL or SIGNALBOX_NOTIFY_URL.',
  );
