import { plainLine } from './plain-text.ts';

/**
 * What speaks against an answer of 2xx being the place's own: a proxy, a sign-in or an error page answers 200 as well, and then nobody was
 * told. The content type says nothing: Slack calls its `ok` HTML.
 */

/**
 * Slack answers `ok` (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks), a webhook of its Workflow Builder
 * `{"ok":true}`; what speaks as Slack does answers `{"success":true}` (Rocket.Chat) or the same `ok` (Mattermost, Discord).
 */
export function doubtOfSlack(bodyStart: string): string | undefined {
  const text = bodyStart.trim();
  if (/^"?ok"?$/i.test(text)) return undefined;
  if (text.startsWith('{') && !/"(ok|success)"\s*:\s*false/.test(text)) return undefined;
  return `${seen(text)}, and Slack answers ok. ${advice}`;
}

/**
 * A workflow answers 202 without a body, or with what its author has it answer. The connectors before it answered 200 with `1`, and 200 as well
 * with the error of what they could not pass on.
 */
export function doubtOfTeams(bodyStart: string): string | undefined {
  const text = bodyStart.trim();
  const isPage = text.startsWith('<');
  if (!isPage && !/message delivery failed|endpoint returned HTTP error/i.test(text)) return undefined;
  return `${seen(text)}. ${isPage ? advice : ''}`.trim();
}

const advice = 'Look at its address, and at what stands between here and there.';

function seen(text: string): string {
  if (text === '') return 'with nothing';
  return text.startsWith('<') ? 'with a page' : `with ${JSON.stringify(plainLine(text, 150))}`;
}
