import type { Json } from '../core/json.ts';
import { type InboundRequest, type Reply, textAt } from './scheme.ts';

export interface SubscriptionNotice {
  readonly reply: Reply;
  /** For whoever operates this server: what to do. */
  readonly notice: string;
}

/** https://docs.aws.amazon.com/general/latest/gr/sns.html */
const host = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/;

/**
 * What SNS sends about a subscription itself: it starts nothing. We do not open the URL by which it is confirmed, as it came
 * from outside; whoever made the subscription does.
 */
export function subscriptionNotice(
  { headers }: InboundRequest,
  payload: Json,
): SubscriptionNotice | undefined {
  if (headers['x-amz-sns-message-type'] === undefined) return undefined;
  const type = textAt(payload, 'Type');
  if (type !== 'SubscriptionConfirmation' && type !== 'UnsubscribeConfirmation') return undefined;
  const topic = (textAt(payload, 'TopicArn') ?? 'a topic').slice(0, 300);
  const url = URL.parse(textAt(payload, 'SubscribeURL') ?? '');
  const isOfSns = url !== null && url.protocol === 'https:' && host.test(url.host);
  const advice = !isOfSns
    ? 'The address that came with it is not one of SNS; do not open it.'
    : type === 'SubscriptionConfirmation'
      ? `If it was you who made the subscription, open ${url.href}`
      : `If that is not meant, open ${url.href}`;
  const what =
    type === 'SubscriptionConfirmation'
      ? 'wants to send notifications here'
      : 'sends no more notifications here';
  return {
    reply: {
      status: 200,
      contentType: 'text/plain; charset=utf-8',
      body: 'The log of this server says more.\n',
    },
    notice: `SNS: ${JSON.stringify(topic)} ${what}. ${advice}`,
  };
}
