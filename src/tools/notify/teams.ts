import type { Secret } from '../../core/secret.ts';
import type { Sender } from '../../outbound/send.ts';
import { doubtOfTeams } from './answer.ts';
import type { Notification, Notifier } from './notify.ts';
import { plainLine, plainText } from './plain-text.ts';
import { type PostedTo, post } from './post.ts';

const colors = { problem: 'Attention', resolved: 'Good', info: 'Accent' } as const;

/** A message of Teams is at most 28 KB, everything included. */
const limits = { title: 200, text: 3_000, value: 500, facts: 10 };

const place: PostedTo = { place: 'Teams', doubtOf: doubtOfTeams };

/** A channel of Teams by the webhook of a workflow (https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook). */
export function createTeamsNotifier(url: Secret, sender: Sender): Notifier {
  return {
    name: 'teams',
    send: (notification, signal) => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify(teamsMessage(notification));
      return post(sender, { url: url.reveal(), trust: 'operator', headers, body }, place, signal);
    },
  };
}

function teamsMessage({ level, title, text, facts, at, link }: Notification) {
  const shown = plainText(text, limits.text);
  const rows = facts
    .slice(0, limits.facts)
    .map(({ name, value }) =>
      richText([run(`${plainLine(name, 100)}: `, { weight: 'Bolder' }), run(plainText(value, limits.value))]),
    );
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    fallbackText: plainLine(title, limits.title).replace(/[\\`*_{}[\]()#+.!|<>~-]/g, '\\$&'),
    body: [
      richText([
        run(plainLine(title, limits.title), { size: 'Large', weight: 'Bolder', color: colors[level] }),
      ]),
      ...(shown === '' ? [] : [richText([run(shown)])]),
      ...rows,
      richText([run(new Date(at).toISOString(), { isSubtle: true, size: 'Small' })]),
    ],
    ...(link && { actions: [{ type: 'Action.OpenUrl', title: plainLine(link.title, 100), url: link.url }] }),
  };
  const contentType = 'application/vnd.microsoft.card.adaptive';
  return { type: 'message', attachments: [{ contentType, contentUrl: null, content }] };
}

/** A TextBlock is Markdown; the runs of a RichTextBlock are not (https://adaptivecards.io/explorer/TextRun.html). */
const richText = (inlines: readonly unknown[]) => ({ type: 'RichTextBlock', inlines });
const run = (text: string, look: Readonly<Record<string, unknown>> = {}) => ({
  type: 'TextRun',
  text,
  ...look,
});
