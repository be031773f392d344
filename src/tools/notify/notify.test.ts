import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Place, startSigned, startSlack, startTeams } from '../../../test/fixtures/chat-webhooks.ts';
import { headersOf, startSmtpServer } from '../../../test/fixtures/smtp-server.ts';
import { Secret } from '../../core/secret.ts';
import { createSender, type Sender } from '../../outbound/send.ts';
import { createSigner } from '../../outbound/sign.ts';
import { aNotification, testNotifier } from './contract.ts';
import { createEmailNotifier } from './email.ts';
import type { Notifier } from './notify.ts';
import { createSlackNotifier } from './slack.ts';
import { createTeamsNotifier } from './teams.ts';
import { createWebhookNotifier } from './webhook.ts';

const signing = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const never = new AbortController().signal;

/** Over HTTP; what is secret of the address is in its path, or before its host. */
const overHttp =
  (start: () => Promise<Place>, create: (url: Secret, sender: Sender) => Notifier) => async () => {
    const place = await start();
    const sender = createSender();
    return {
      notifier: create(new Secret(place.url), sender),
      shown: () => place.shown,
      next: place.next,
      secret: new URL(place.url).pathname,
      saysWhen: true,
      async close() {
        await sender.close();
        await place.close();
      },
    };
  };

testNotifier('slack', overHttp(startSlack, createSlackNotifier));
testNotifier('teams', overHttp(startTeams, createTeamsNotifier));
testNotifier(
  'webhook',
  overHttp(
    () => startSigned(signing),
    (url, sender) => createWebhookNotifier(url, { sender, sign: createSigner([new Secret(signing)]) }),
  ),
);
testNotifier('email', async () => {
  const server = await startSmtpServer();
  const notifier = createEmailNotifier({
    server: new Secret(server.url),
    from: 'Signalbox <signalbox@example.com>',
    to: ['ops@example.com'],
    timeoutMs: 2_000,
  });
  return {
    ...{ notifier, shown: () => server.shown, next: server.next, close: server.close },
    ...{ secret: 'pass', saysWhen: false },
  };
});

test('a mail has one subject, its receivers alone, an id that stays, and is answered by no machine', async (context) => {
  const server = await startSmtpServer();
  context.after(() => server.close());
  const options = { from: 'Signalbox <signalbox@example.com>', to: ['ops@example.com', 'b@example.com'] };
  const notifier = createEmailNotifier({ server: new Secret(server.url), ...options });
  const title = 'x\r\nBcc: other@example.com';
  await notifier.send({ ...aNotification, title }, never);
  await notifier.send({ ...aNotification, title }, never);
  const [first, second] = server.messages.map(headersOf);
  assert.equal(first!.subject, '[Signalbox] Problem: x Bcc: other@example.com');
  assert.equal(first!.to, 'ops@example.com, b@example.com');
  assert.equal(first!.bcc, undefined);
  assert.equal(first!['auto-submitted'], 'auto-generated');
  assert.equal(first!['message-id'], '<alarm_dead_letters_1786699113360_1@example.com>');
  assert.equal(second!['message-id'], first!['message-id']);
});

test('a mail that some of its receivers do not get is not taken for sent, and not sent to the others again', async (context) => {
  const server = await startSmtpServer();
  context.after(() => server.close());
  const to = ['nobody@example.com', 'ops@example.com'];
  const sending = createEmailNotifier({ server: new Secret(server.url), from: 'a@example.com', to });
  await assert.rejects(sending.send(aNotification, never), {
    code: 'notification_failed',
    retryable: false,
    message:
      /refused nobody@example\.com, and took it for the others: 550 5\.1\.1 No such user\. It is not tried again/,
  });
  assert.equal(server.messages.length, 1);
});

test('a password is not sent to another machine without TLS', async (context) => {
  const server = await startSmtpServer();
  context.after(() => server.close());
  const options = { from: 'a@example.com', to: ['b@example.com'] };
  // By a name that is not known to be this machine.
  const elsewhere = new Secret(server.url.replace('127.0.0.1', '0.0.0.0'));
  const sending = createEmailNotifier({ server: elsewhere, ...options }).send(aNotification, never);
  await assert.rejects(sending, { code: 'notification_failed' });
  assert.deepEqual(server.heard, ['EHLO', 'STAR']);
});

test('a webhook has credentials in a header, not in its address', async (context) => {
  const place = await startSigned(signing);
  const sender = createSender();
  context.after(async () => {
    await sender.close();
    await place.close();
  });
  const url = new Secret(place.url.replace('//', '//ops:p%40ss@'));
  const sign = createSigner([new Secret(signing)]);
  await createWebhookNotifier(url, { sender, sign }).send(aNotification, never);
  assert.equal(place.shown.length, 1);
});
