import type { FastifyInstance } from 'fastify';
import { formatRule } from '../../alarms/rule.ts';
import { type Alarm, isStale } from '../../alarms/watch.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { AppPorts, LastTold } from '../ports.ts';
import { alarmsShape, testShape } from '../shapes/alarm.ts';

const schemas = {
  list: { summary: 'Say how each alarm stands', response: { 200: alarmsShape } },
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

const isoOrNull = (at: number | null | undefined) => (at ? new Date(at).toISOString() : null);

function placeToWire({ channel, run }: LastTold): Record<string, unknown> {
  return {
    channel,
    run_id: run?.runId ?? null,
    status: run?.status ?? null,
    at: isoOrNull(run?.createdAt),
    error: run?.error?.message ?? null,
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
    notified_at: isoOrNull(state?.notifiedAt),
    looked_at: isoOrNull(state?.lookedAt),
  };
}

const nobodyIsTold = () =>
  new SignalboxError(
    'conflict',
    'No place is configured where people are told. Set SLACK_WEBHOOK_URL, TEAMS_WEBHOOK_URL, SIGNALBOX_SMTP_URL or SIGNALBOX_NOTIFY_URL.',
  );
