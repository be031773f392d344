import type { WebhookType } from '../record/events.ts';
import type { Trust } from './guard/client.ts';
import { type DeliverySchedule, defaultSchedule } from './schedule.ts';

/** A receiver of answers. */
export interface Endpoint {
  /** Those of the configuration are the operator's. */
  readonly trust: Trust;
  /** Without credentials: it is shown, recorded and delivered. */
  readonly url: string;
  /** The header for credentials that the configured URL had. */
  readonly authorization?: string;
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
    if (own !== undefined) return endpoint(own, settings.schedules?.[type] ?? usual);
    return settings.defaultUrl === undefined ? undefined : endpoint(settings.defaultUrl, usual);
  };
}

function endpoint(configured: string, schedule: DeliverySchedule): Endpoint {
  const trust = 'operator';
  const url = URL.parse(configured);
  if (url === null || (url.username === '' && url.password === ''))
    return { trust, url: configured, schedule };
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  return { trust, url: url.href, authorization, schedule };
}
