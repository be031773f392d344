import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HttpPlace, startSlack, startTeams } from '../../../test/fixtures/chat-webhooks.ts';
import { answer } from '../../../test/fixtures/receiver.ts';
import { Secret } from '../../core/secret.ts';
import { createSender, type Sender } from '../../outbound/send.ts';
import { aNotification } from './contract.ts';
import type { Notifier } from './notify.ts';
import { createSlackNotifier } from './slack.ts';
import { createTeamsNotifier } from './teams.ts';

const never = new AbortController().signal;
const signIn = '\uFEFF\n<!DOCTYPE html><html><head><title>Sign in</title></head><body>…</body></html>';

interface Kind {
  readonly start: () => Promise<HttpPlace>;
  readonly create: (url: Secret, sender: Sender) => Notifier;
  readonly taken: readonly (readonly [status: number, body: string, type?: string])[];
  readonly notTaken: readonly (readonly [status: number, body: string, says: RegExp])[];
}

const page = /^\w+ did not take it\. It answered 200, but with a page.*Look at its address/;

const kinds: Readonly<Record<string, Kind>> = {
  slack: {
    start: startSlack,
    create: createSlackNotifier,
    taken: [
      [200, 'ok', 'text/html'],
      [200, 'ok\n', 'text/plain'],
      [200, '{"ok":true}', 'application/json'],
      [200, '{"success":true}', 'application/json'],
    ],
    notTaken: [
      [200, signIn, page],
      [200, `<html>${'x'.repeat(200_000)}`, page],
      [200, '', /answered 200, but with nothing, and Slack answers ok\./],
      [200, 'It works!', /but with "It works!", and Slack answers ok\./],
      [200, '{"ok":false,"error":"invalid_auth"}', /invalid_auth/],
    ],
  },
  teams: {
    start: startTeams,
    create: createTeamsNotifier,
    taken: [
      [202, ''],
      [200, ''],
      [200, '1', 'text/plain; charset=utf-8'],
      [200, '{"status":"posted"}', 'application/json'],
      [200, 'Message posted', 'text/plain'],
    ],
    notTaken: [
      [200, signIn, page],
      [
        200,
        'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0',
        /delivery failed with error/,
      ],
    ],
  },
};

for (const [name, { start, create, taken, notTaken }] of Object.entries(kinds)) {
  describe(`what ${name} answers`, () => {
    const send = async (behaviour: ReturnType<typeof answer>) => {
      const place = await start();
      const sender = createSender();
      try {
        place.nextAnswer(behaviour);
        await create(new Secret(`${place.url}/T0/a-secret-of-twenty-four`), sender).send(
          aNotification,
          never,
        );
      } finally {
        await sender.close();
        await place.close();
      }
    };

    for (const [status, body, type = ''] of taken) {
      test(`is its own: ${status} ${body}`, () => send(answer(status, { 'content-type': type }, body)));
    }
    for (const [status, body, message] of notTaken) {
      test(`is not its own, and it is told again: ${status} ${body.trim().slice(0, 40)}`, () =>
        assert.rejects(send(answer(status, {}, body)), {
          ...{ code: 'notification_failed', retryable: true, message },
        }));
    }
    for (const status of [200, 404]) {
      test(`does not give its address away: ${status}`, () =>
        assert.rejects(
          send(
            answer(status, {}, 'endpoint returned HTTP error: POST /hook/T0/a-secret-of-twenty-four failed'),
          ),
          (error: Error) => !/a-secret|hook/.test(error.message) && /POST … failed/.test(error.message),
        ));
    }
  });
}
