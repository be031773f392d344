/** Something that people should know. All of its texts are plain, and any of them may hold words of strangers. */
export interface Notification {
  /** The same whenever it is sent again. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly level: 'problem' | 'resolved' | 'info';
  /** One line. */
  readonly title: string;
  /** Lines are kept. */
  readonly text: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** Where to look, an http or https address of ours: the one thing that is a link. */
  readonly link?: { readonly title: string; readonly url: string };
}

/**
 * The notify port: a place where people read.
 *
 * What is sent is shown as it is: but for `link`, no text of a notification mentions, links, formats or adds a header. What is too long for the
 * place is cut. Sending again after an outcome that nobody saw may show it twice; where the place can tell (`webhook-id`,
 * `Message-ID`), the id is the same.
 */
export interface Notifier {
  /** Under which runs name it: it stays when the address changes. */
  readonly name: string;

  /**
   * Resolves once the place has taken it. Throws `notification_failed`: retryable when it is away, busy (with the time that it
   * asked for) or broken, and not when it refuses what is sent or whoever sends it. Throws the reason of `signal` when that is aborted. No
   * message of an error holds the address, which may be a secret.
   */
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}
