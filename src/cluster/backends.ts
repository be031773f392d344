/** One of several processes that do the same. */
export interface BackendAddress {
  readonly url: string;
  /** Answers 200 while it is to be given requests. */
  readonly readyUrl: string;
}

export interface Backend {
  readonly url: string;
  underWay: number;
}

interface Watched extends Backend {
  readonly readyUrl: string;
  isReady: boolean;
}

const everyMs = 250;
const answerWithinMs = 1_000;

/** Knows which processes are ready, by asking each of them again and again. */
export class Backends {
  readonly #backends: readonly Watched[];
  #timers: NodeJS.Timeout[] = [];
  #next = 0;

  constructor(addresses: readonly BackendAddress[]) {
    this.#backends = addresses.map((address) => ({ ...address, underWay: 0, isReady: false }));
  }

  /** Resolves when each has been asked once. */
  async watch(): Promise<void> {
    await Promise.all(this.#backends.map(look));
    this.#timers = this.#backends.map((backend) => setInterval(() => void look(backend), everyMs).unref());
  }

  /** The ready one with the least under way, in turn; undefined when none of them is left. */
  pick(tried: ReadonlySet<Backend> = new Set()): Backend | undefined {
    const ready = this.#backends.filter((backend) => backend.isReady && !tried.has(backend));
    const least = Math.min(...ready.map(({ underWay }) => underWay));
    const candidates = ready.filter(({ underWay }) => underWay === least);
    return candidates[this.#next++ % candidates.length];
  }

  /** It could not be reached: nothing more goes there until it says that it is ready. */
  failed(url: string): void {
    for (const backend of this.#backends) if (backend.url === url) backend.isReady = false;
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

async function look(backend: Watched): Promise<void> {
  const answer = await fetch(backend.readyUrl, { signal: AbortSignal.timeout(answerWithinMs) }).catch(
    () => undefined,
  );
  await answer?.body?.cancel();
  backend.isReady = answer?.status === 200;
}
