import { Type } from 'typebox';
import { SignalboxError } from '../core/errors.ts';
import { exponentialDelays, type RetryPolicy } from '../core/retry.ts';
import type { Engine } from '../engine/engine.ts';
import { defineFlow, type Flow } from '../engine/flow.ts';
import type { Notification, Notifier } from '../tools/notify/notify.ts';

export interface NotificationPorts {
  readonly notifiers: readonly Notifier[];
  readonly retry?: RetryPolicy;
  /** Whether whoever tells this has something newer to tell: then the newer one alone is sent. Default: never. */
  readonly isOutdated?: (id: string) => Promise<boolean>;
}

const input = Type.Object({
  channel: Type.String(),
  notification: Type.Object({
    id: Type.String(),
    at: Type.Number(),
    level: Type.Union([Type.Literal('problem'), Type.Literal('resolved'), Type.Literal('info')]),
    title: Type.String(),
    text: Type.String(),
    facts: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
    link: Type.Optional(Type.Object({ title: Type.String(), url: Type.String() })),
  }),
});

export interface NotificationInput {
  readonly channel: string;
  readonly notification: Notification;
}
export type NotificationFlow = Flow<NotificationInput, unknown>;

export const notificationFlowName = 'notification';

/** For a day: what wakes somebody up is worth waiting for, and what is older tells nobody anything. */
const notificationRetry: RetryPolicy = {
  maxAttempts: 60,
  delaysMs: exponentialDelays({ initialMs: 2_000, maxMs: 1_800_000, count: 12 }),
  maxElapsedMs: 86_400_000,
};

/**
 * Tells one place of a notification. Each has a run of its own, so that one that is away holds no other up and gets nothing twice. A place
 * that was away for hours hears how things stand then, not each reminder of them, and never of an end before its beginning.
 */
export function createNotificationFlow({
  notifiers,
  retry = notificationRetry,
  isOutdated = async () => false,
}: NotificationPorts): NotificationFlow {
  const byName = new Map(notifiers.map((notifier) => [notifier.name, notifier]));
  return defineFlow({
    name: notificationFlowName,
    version: 1,
    input,
    output: Type.Null(),
    concurrency: 8,
    async run(step, { channel, notification }) {
      const send = async (signal: AbortSignal) => {
        const notifier = byName.get(channel);
        if (notifier === undefined) throw notConfigured(channel);
        if (await isOutdated(notification.id)) return null;
        await notifier.send(notification, signal);
        return null;
      };
      return step.run('send', (context) => send(context.signal), { retry, timeoutMs: 60_000 });
    },
  }) as NotificationFlow;
}

const notConfigured = (channel: string) =>
  new SignalboxError(
    'notification_failed',
    `Nothing is configured for ${channel} any more. docs/reference/alarms.md has its variables.`,
    { retryable: false },
  );

/** Under the same id it is told once, whoever asks and however often. Resolves once it is durable. */
export type Notify = (notification: Notification) => Promise<readonly ToldPlace[]>;

export interface ToldPlace {
  readonly channel: string;
  /** The run that tells it. */
  readonly runId: string;
}

const keptMs = 7 * 86_400_000;

export function createNotify(
  engine: Pick<Engine, 'start'>,
  flow: NotificationFlow,
  notifiers: readonly Notifier[],
): Notify {
  return async (notification) => {
    const told: ToldPlace[] = [];
    for (const { name: channel } of notifiers) {
      const key = `notification:${channel}:${notification.id}`;
      const idempotency = { key, fingerprint: notification.id, expiresAt: Date.now() + keptMs };
      const { runId } = await engine.start(flow, { channel, notification }, { idempotency });
      told.push({ channel, runId });
    }
    return told;
  };
}
