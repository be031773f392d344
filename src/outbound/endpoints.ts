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
  readonly schedule?: DeliverySchedule;
  /** Schedules of single endpoints, by URL. */
  readonly schedules?: Readonly<Record<string, DeliverySchedule>>;
}

/** Where an answer of this type goes; undefined when nothing is configured for it. */
export type EndpointOf = (type: WebhookType) => Endpoint | undefined;

export function endpointsFrom(settings: EndpointSettings): EndpointOf {
  return (type) => {
    const url = settings.urls?.[type] ?? settings.defaultUrl;
    if (url === undefined) return undefined;
    return { url, schedule: settings.schedules?.[url] ?? settings.schedule ?? defaultSchedule };
  };
}
