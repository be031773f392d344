import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SignalboxError } from '../../core/errors.ts';
import type { Notification, Notifier } from './notify.ts';

/** The other side of a notifier: what it shows, and what goes wrong with it. */
export interface NotifierUnderTest {
  readonly notifier: Notifier;
  /** What people read of each message that was taken. */
  shown(): readonly string[];
  next(trouble: 'busy' | 'broken' | 'refuses' | 'gone' | 'silent' | 'away'): void;
  /** A text of the address that no error may hold. */
  readonly secret: string;
  /** Whether the place can say when to come again. */
  readonly saysWhen: boolean;
  close(): Promise<void>;
}

export const aNotification: Notification = {
  id: 'alarm/dead_letters/1786699113360/1',
  at: 1_786_699_113_360,
  level: 'problem',
  title: 'There are 2 dead letters',
  text: 'Runs that failed for good.\nStart them anew: signalbox dead-letters replay',
  facts: [
    { name: 'since', value: '2026-08-14 09:18' },
    { name: 'flow', value: 'delivery' },
  ],
};

/** What every implementation of the notify port does. */
export function testNotifier(name: string, create: () => Promise<NotifierUnderTest>): void {
  const never = new AbortController().signal;
  const withPlace = (title: string, check: (under: NotifierUnderTest) => Promise<void>) =>
    test(title, async () => {
      const under = await create();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });
  const fails = async ({ notifier, secret }: NotifierUnderTest, retryable: boolean) => {
    const error: SignalboxError = await notifier.send(aNotification, never).then(
      () => assert.fail('It was taken.'),
      (thrown) => thrown,
    );
    assert.equal(error.code, 'notification_failed', String(error.stack));
    assert.equal(error.retryable, retryable, error.message);
    assert.ok(!error.message.includes(secret), error.message);
    return error;
  };

  describe(`notifier ${name}`, () => {
    withPlace('shows title, text and facts', async ({ notifier, shown }) => {
      await notifier.send(aNotification, never);
      assert.equal(shown().length, 1);
      const read = shown()[0]!.replace(/\s+/g, ' ');
      for (const text of [
        'There are 2 dead letters',
        'failed for good. Start them anew',
        'flow',
        'delivery',
      ]) {
        assert.ok(read.includes(text), `${text} is not in ${read}`);
      }
    });

    withPlace('shows what strangers wrote as it is', async ({ notifier, shown }) => {
      const words = '<!channel> *b* _i_ [x](http://evil.example) <at>all</at> & `c` <b>“é”</b> 🚂';
      const title = `${words}\r\nBcc: other@example.com\r\n\r\nhi`;
      const facts = [{ name: words, value: words }];
      await notifier.send({ ...aNotification, title, text: words, facts }, never);
      const read = shown()[0]!;
      assert.equal(read.split(words).length, 5, read);
      assert.ok(read.split('\n')[0]?.includes('Bcc: other@example.com'), 'no second line, no header');
    });

    withPlace('leads to where to look', async ({ notifier, shown }) => {
      const url = 'https://signalbox.example/page/conversations/1?a=1&b=2';
      await notifier.send({ ...aNotification, link: { title: 'Open it', url } }, never);
      assert.ok(shown()[0]!.replaceAll('&amp;', '&').includes(url), shown()[0] ?? 'nothing');
    });

    withPlace('cuts what is too long for the place', async ({ notifier, shown }) => {
      const facts = Array.from({ length: 40 }, (_, n) => ({
        name: `n${n} ${'🚂'.repeat(500)}`,
        value: '🚂'.repeat(5_000),
      }));
      const long = {
        ...aNotification,
        title: '🚂'.repeat(1_000),
        text: `begin ${'🚂'.repeat(20_000)}`,
        facts,
      };
      await notifier.send(long, never);
      assert.match(shown()[0]!, /begin/);
      assert.ok(shown()[0]!.isWellFormed());
      await notifier.send({ ...aNotification, text: '', facts: [] }, never);
      assert.equal(shown().length, 2);
    });

    withPlace('comes again when the place is busy, broken or away', async (under) => {
      under.next('busy');
      const error = await fails(under, true);
      if (under.saysWhen) assert.equal(error.retryAfterMs, 30_000);
      for (const trouble of ['broken', 'away'] as const) {
        under.next(trouble);
        await fails(under, true);
      }
      await under.notifier.send(aNotification, never);
      assert.equal(under.shown().length, 1);
    });

    withPlace('does not come again when it is refused', async (under) => {
      for (const trouble of ['refuses', 'gone'] as const) {
        under.next(trouble);
        await fails(under, false);
      }
    });

    withPlace('can be given up', async (under) => {
      under.next('silent');
      const giveUp = new AbortController();
      const sending = under.notifier.send(aNotification, giveUp.signal);
      setImmediate(() => giveUp.abort(new Error('given up')));
      await assert.rejects(sending, /given up/);
      await assert.rejects(
        under.notifier.send(aNotification, AbortSignal.abort(new Error('already'))),
        /already/,
      );
    });

    test('says that a place is away', async () => {
      const under = await create();
      await under.close();
      await fails(under, true);
    });
  });
}
