import type { Secret } from '../../core/secret.ts';
import type { Notification, Notifier } from './notify.ts';
import { plainLine, plainText } from './plain-text.ts';
import { notificationFailed } from './post.ts';

export interface EmailOptions {
  /** `smtp://` (STARTTLS where it is offered) or `smtps://`, with user and password where the server wants them. */
  readonly server: Secret;
  readonly from: string;
  readonly to: readonly string[];
  /** For each answer of the server. Default 20,000. */
  readonly timeoutMs?: number;
}

/** E-mail by SMTP. `nodemailer` is loaded with the first message. */
export function createEmailNotifier(options: EmailOptions): Notifier {
  let transport: ReturnType<typeof open> | undefined;
  return {
    name: 'email',
    async send(notification, signal) {
      signal.throwIfAborted();
      transport ??= open(options);
      const sending = (await transport).sendMail(message(notification, options));
      const outcome = await unlessAborted(sending, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw failure(error);
      });
      const refusals = outcome.rejectedErrors ?? [];
      if (refusals.length > 0) throw refusedForSome(outcome.rejected.map(String), refusals[0]!);
    },
  };
}

async function open({ server, timeoutMs = 20_000 }: EmailOptions) {
  const { createTransport } = await import('nodemailer');
  const url = new URL(server.reveal());
  const secure = url.protocol === 'smtps:';
  const hasUser = url.username !== '';
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    // A password is sent over TLS or not at all.
    requireTLS: !secure && hasUser && !isHere,
    ...(hasUser && {
      auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
}

const words = { problem: 'Problem', resolved: 'Resolved', info: 'Note' } as const;

/** No HTML: a mail program shows the text as it is. */
function message({ id, at, level, title, text, facts, link }: Notification, { from, to }: EmailOptions) {
  const rows = facts.map(({ name, value }) => `${plainLine(name, 200)}: ${plainText(value, 5_000)}`);
  const linked = link === undefined ? '' : `${plainLine(link.title, 100)}: ${link.url}`;
  const parts = [plainText(text, 50_000), rows.join('\n'), linked, new Date(at).toISOString()];
  const domain = /@([\w.-]+)>?$/.exec(from)?.[1] ?? 'signalbox.invalid';
  return {
    ...{ from, to: [...to] },
    messageId: `<${id.replace(/[^\w.-]/g, '_')}@${domain}>`,
    date: new Date(at),
    subject: plainLine(`[Signalbox] ${words[level]}: ${title}`, 200),
    text: `${parts.filter((part) => part !== '').join('\n\n')}\n`,
    // RFC 3834: out-of-office programs do not answer it.
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop);
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', stop));
}

/** Some have it: sent again, they would have it twice. */
function refusedForSome(rejected: readonly string[], error: Error) {
  const { response, message: seen } = error as Error & { readonly response?: string };
  const reason = `It refused ${rejected.join(', ')}, and took it for the others: ${response ?? seen}`;
  return notificationFailed('The mail server', plainLine(reason, 500), { retryable: false, cause: error });
}

/** 5xx is for good, 4xx for now (RFC 5321, section 4.2.1); without an answer the server is away. */
function failure(error: unknown) {
  const { responseCode, response, message: seen } = error as Readonly<Record<string, unknown>>;
  const isRefused = typeof responseCode === 'number' && responseCode >= 500;
  const reason = plainLine(String(response ?? seen), 300);
  return notificationFailed('The mail server', reason, { retryable: !isRefused, cause: error });
}
