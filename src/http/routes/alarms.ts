import type { FastifyInstance } from 'fastify';
import { formatRule } from '../../alarms/rule.ts';
import type { Alarm } from '../../alarms/watch.ts';
import { SignalboxError } from '../../core/errors.ts';
import type { AppPorts } from '../ports.ts';
import { alarmsShape, testShape } from '../shapes/alarm.ts';

const schemas = {
  list: { summary: 'Say how each alarm stands', response: { 200: alarmsShape } },
  test: { summary: 'Tell every place where people are told of alarms', response: { 202: testShape } },
};

/** `GET /alarms`: how each alarm stands, and where people are told. */
export function registerAlarms(app: FastifyInstance, { alarms }: AppPorts): void {
  app.get('/alarms', { schema: schemas.list }, async () => {
    const all = (await alarms?.alarms()) ?? [];
    return { success: true, alarms: all.map(alarmToWire), channels: alarms?.channels ?? [] };
  });
}

/** `POST /alarms/test`: a notification to every place, to see whether it arrives. */
export function registerAlarmTest(app: FastifyInstance, { alarms }: AppPorts): void {
  app.post('/alarms/test', { schema: schemas.test }, async (_, reply) => {
    if (alarms === undefined || alarms.channels.length === 0) throw nobodyIsTold();
    await alarms.test();
    return reply.code(202).send({ success: true, channels: alarms.channels });
  });
}

function alarmToWire({ rule, state }: Alarm): Record<string, unknown> {
  const isoOrNull = (at: number | null | undefined) => (at ? new Date(at).toISOString() : null);
  return {
    alarm: rule.name,
    rule: formatRule(rule),
    status: state?.status ?? 'unknown',
    since: isoOrNull(state?.since),
    value: state?.value ?? null,
    detail: state?.detail ?? null,
    notified_at: isoOrNull(state?.notifiedAt),
  };
}

const nobodyIsTold = () =>
  new SignalboxError(
    'conflict',
    'No place is configured where people are told. Set SLACK_WEBHOOK_URL, TEAMS_WEBHOOK_URL, SIGNALBOX_SMTP_URL or SIGNALBOX_NOTIFY_URL.',
  );
