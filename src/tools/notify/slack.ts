import type { Secret } from '../../core/secret.ts';
import type { Sender } from '../../outbound/send.ts';
import { doubtOfSlack } from './answer.ts';
import type { Notification, Notifier } from './notify.ts';
import { plainLine, plainText } from './plain-text.ts';
import { type PostedTo, post } from './post.ts';

const signs = { problem: '🔴', resolved: '🟢', info: '🔵' } as const;

/** https://docs.slack.dev/reference/block-kit/blocks: what a header, a section and each of its ten fields may have. */
const limits = { header: 150, section: 3_000, field: 2_000, fields: 10 };

const place: PostedTo = { place: 'Slack', doubtOf: doubtOfSlack };

/** A channel of Slack by its incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). */
export function createSlackNotifier(url: Secret, sender: Sender): Notifier {
  return {
    name: 'slack',
    send: (notification, signal) => {
      const headers = { 'content-type': 'application/json; charset=utf-8' };
      const body = JSON.stringify(slackMessage(notification));
      return post(sender, { url: url.reveal(), trust: 'operator', headers, body }, place, signal);
    },
  };
}

/** `text` is what a phone shows first, in mrkdwn; blocks are plain text, in which nothing is mrkdwn. */
function slackMessage({ level, title, text, facts, at, link }: Notification) {
  const heading = `${signs[level]} ${plainLine(title, limits.header - 3)}`;
  const shown = plainText(text, limits.section);
  const fields = facts
    .slice(0, limits.fields)
    .map(({ name, value }) => plain(`${plainLine(name, 100)}\n${plainText(value, limits.field - 200)}`));
  return {
    text: escapeMrkdwn(heading),
    blocks: [
      { type: 'header', text: plain(heading) },
      ...(shown === '' ? [] : [{ type: 'section', text: plain(shown) }]),
      ...(fields.length === 0 ? [] : [{ type: 'section', fields }]),
      ...(link === undefined ? [] : [{ type: 'section', text: linked(link) }]),
      { type: 'context', elements: [plain(new Date(at).toISOString())] },
    ],
  };
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false });

/** The only mrkdwn, of our own words and address alone. */
const linked = ({ title, url }: NonNullable<Notification['link']>) => ({
  type: 'mrkdwn',
  text: `<${escapeMrkdwn(new URL(url).href).replaceAll('|', '%7C')}|${escapeMrkdwn(plainLine(title, 100))}>`,
  verbatim: true,
});

/** The three characters that begin a mention or a link (https://docs.slack.dev/messaging/formatting-message-text#escaping). */
const escapeMrkdwn = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
