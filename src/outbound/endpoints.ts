import type { WebhookType } from '../record/events.ts';
import { type DeliverySchedule, defaultSchedule } from './schedule.ts';

/** A receiver of answers. Its URL was written by the operator, and is trusted as it is. */
export interface Endpoint {
  readonly url: string;
  readonly schedule: DeliverySchedule;
}

export interface EndpointSettings {
  /** For types without a URL of their own. */
  readonly defaultUrl?: string | undefined;
  readonly urls?: Readonly<Partial<Record<WebhookType, string | undefined>>>;
  readonly defaultSchedule?: DeliverySchedule | undefined;
  /** For types with a URL of their own. */
  readonly schedules?: Readonly<Partial<Record<WebhookType, DeliverySchedule | undefined>>>;
}

/** Where an answer of this type goes; undefined when nothing is configured for it. */
export type EndpointOf = (type: WebhookType) => Endpoint | undefined;

export function endpointsFrom(settings: EndpointSettings): EndpointOf {
  const usual = settings.defaultSchedule ?? defaultSchedule;
  return (type) => {
    const own = settings.urls?.[type];
    if (own !== undefined) return { url: own, schedule: settings.schedules?.[type] ?? usual };
    return settings.defaultUrl === undefined ? undefined : { url: settings.defaultUrl, schedule: usual };
  };
}
