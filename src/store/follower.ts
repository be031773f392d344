/** What one piece of work was. */
export interface FollowedPiece {
  /** Nothing is left to be done now. */
  readonly isThrough: boolean;
  /** How long it kept the thread, or the server, busy. */
  readonly tookMs: number;
}

export interface FollowerOptions {
  /** Looks at no more than `limit` events, in one transaction. */
  readonly piece: (limit: number) => Promise<FollowedPiece>;
  readonly onError?: (error: unknown) => void;
  /** How long one piece should take: what is accepted meanwhile waits for it to be written. Default 4. */
  readonly pieceMs?: number;
  /** From news to the first piece; what comes meanwhile is part of it. Default 200. */
  readonly delayMs?: number;
  /** Without news. Default 5,000. */
  readonly everyMs?: number;
}

const events = { first: 200, least: 25, most: 4_000 };
/** The thread is left to others for so many times as long as a piece took, by how much of its time they use. */
const rests = [
  { belowLoad: 0.5, factor: 1 },
  { belowLoad: 0.8, factor: 6 },
  { belowLoad: Number.POSITIVE_INFINITY, factor: 24 },
];

/**
 * Goes on with projections that follow the log, when there is news and from time to time. It works half of the time when there is nothing else to
 * do, and a twenty-fifth when there is much: what accepts requests comes first, and the projections catch up afterwards.
 */
export class Follower {
  readonly #options: FollowerOptions;
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;
  #hasNews = false;
  #stopped = true;
  #hasFailed = false;
  #limit = events.first;
  /** The share of the time of rest that others used. */
  #load = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#stopped = false;
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** There is something to look at. */
  wake(): void {
    this.#hasNews = true;
    if (!this.#isWorking && !this.#stopped) this.#workIn(this.#delayMs);
  }

  /** Does all that there is to do, without resting. */
  async catchUp(): Promise<void> {
    while (!(await this.#options.piece(events.most)).isThrough);
  }

  #workIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#isWorking = true;
    this.#timer = setTimeout(() => {
      this.#work()
        .then(
          () => {
            this.#hasFailed = false;
          },
          (error) => this.#tell(error),
        )
        .finally(() => this.#rest());
    }, delayMs).unref();
  }

  /** Once until it goes well again. */
  #tell(error: unknown): void {
    if (!this.#stopped && !this.#hasFailed) this.#options.onError?.(error);
    this.#hasFailed = true;
  }

  /** What has failed is tried again later, whatever news there is. */
  get #delayMs(): number {
    const { delayMs = 200, everyMs = 5_000 } = this.#options;
    return this.#hasFailed ? everyMs : delayMs;
  }

  #rest(): void {
    this.#isWorking = false;
    if (this.#stopped) return;
    if (this.#hasNews) this.wake();
    else this.#timer = setTimeout(() => this.wake(), this.#options.everyMs ?? 5_000).unref();
  }

  async #work(): Promise<void> {
    this.#hasNews = false;
    for (let isThrough = false; !isThrough && !this.#stopped; ) {
      const piece = await this.#options.piece(this.#limit);
      isThrough = piece.isThrough;
      this.#adapt(piece);
      if (isThrough) return;
      const { factor } = rests.find(({ belowLoad }) => this.#load < belowLoad)!;
      const resting = performance.eventLoopUtilization();
      await pause(Math.min(1_000, Math.max(1, piece.tookMs * factor)));
      // One rest is short; two of them in a row say more.
      this.#load = (this.#load + performance.eventLoopUtilization(resting).utilization) / 2;
    }
  }

  /** The last piece is as small as what was left, so that it was quick says nothing. */
  #adapt({ tookMs, isThrough }: FollowedPiece): void {
    const { pieceMs = 4 } = this.#options;
    if (tookMs > pieceMs) this.#limit = Math.max(events.least, Math.floor(this.#limit / 2));
    else if (tookMs < pieceMs / 2 && !isThrough) this.#limit = Math.min(events.most, this.#limit * 2);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
