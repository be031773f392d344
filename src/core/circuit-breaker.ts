/**
 * A circuit breaker: what is down, a receiver or a store of objects, is not asked by everybody again and again.
 *
 * closed: everything passes; after 5 failures in a row → open.
 * open: nothing passes; after 60 s the next one that asks passes → half open.
 * half open: as many at once as successes are still needed; 3 successes → closed, 1 failure → open.
 *
 * Pure but for its own state: the caller supplies the time. A probe that never comes back frees its place after the timeout.
 */
export interface BreakerPolicy {
  readonly failureThreshold: number;
  readonly successThreshold: number;
  readonly timeoutMs: number;
}

export const defaultBreakerPolicy: BreakerPolicy = {
  failureThreshold: 5,
  successThreshold: 3,
  timeoutMs: 60_000,
};

export type CircuitState = 'closed' | 'open' | 'half_open';

export type Permission =
  | { readonly allowed: true; readonly probe: boolean }
  | { readonly allowed: false; readonly retryInMs: number };

/** What an attempt says about the health of its endpoint; `unknown`: nothing (it was given up by us). */
export type Health = 'healthy' | 'unhealthy' | 'unknown';

export class CircuitBreaker {
  readonly #policy: BreakerPolicy;
  #state: CircuitState = 'closed';
  #failures = 0;
  #successes = 0;
  #openedAt = 0;
  /** When each probe under way began. */
  #probes: number[] = [];

  constructor(policy: BreakerPolicy) {
    this.#policy = policy;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** How long nothing passes for certain; undefined where something may. */
  shutForMs(nowMs: number): number | undefined {
    const leftMs = this.#state === 'open' ? this.#openedAt + this.#policy.timeoutMs - nowMs : 0;
    return leftMs > 0 ? leftMs : undefined;
  }

  /** Asks to make an attempt now. Who is allowed must `report`. */
  ask(nowMs: number): Permission {
    if (this.#state === 'closed') return { allowed: true, probe: false };
    const { timeoutMs, successThreshold } = this.#policy;
    const retryInMs = this.shutForMs(nowMs);
    if (retryInMs !== undefined) return { allowed: false, retryInMs };
    if (this.#state === 'open') this.#halfOpen();
    this.#probes = this.#probes.filter((startedAt) => nowMs - startedAt < timeoutMs);
    if (this.#probes.length + this.#successes >= successThreshold) {
      return { allowed: false, retryInMs: Math.max(1, Math.ceil(timeoutMs / 10)) };
    }
    this.#probes.push(nowMs);
    return { allowed: true, probe: true };
  }

  /** Tells what came of an attempt that was allowed, or that was made in spite of the breaker. */
  report(health: Health, probe: boolean, nowMs: number): void {
    if (probe) this.#probes.shift();
    if (health === 'unhealthy') this.#failed(nowMs);
    else if (health === 'healthy') this.#succeeded();
  }

  #failed(nowMs: number): void {
    this.#failures++;
    const opens = this.#state === 'half_open' || this.#failures >= this.#policy.failureThreshold;
    if (this.#state === 'open' || !opens) return;
    this.#state = 'open';
    this.#openedAt = nowMs;
    this.#probes = [];
  }

  #succeeded(): void {
    this.#failures = 0;
    if (this.#state === 'open') this.#halfOpen();
    if (this.#state === 'half_open' && ++this.#successes >= this.#policy.successThreshold) {
      this.#state = 'closed';
      this.#probes = [];
    }
  }

  #halfOpen(): void {
    this.#state = 'half_open';
    this.#successes = 0;
    this.#probes = [];
  }
}

/** The breakers of the endpoints used last; the one that was not used for longest is forgotten (it is closed again then). */
export class CircuitBreakers {
  readonly #policy: BreakerPolicy;
  readonly #limit: number;
  readonly #breakers = new Map<string, CircuitBreaker>();

  constructor(policy: BreakerPolicy = defaultBreakerPolicy, limit = 1_000) {
    this.#policy = policy;
    this.#limit = limit;
  }

  of(endpoint: string): CircuitBreaker {
    const breaker = this.#breakers.get(endpoint) ?? new CircuitBreaker(this.#policy);
    this.#breakers.delete(endpoint);
    this.#breakers.set(endpoint, breaker);
    if (this.#breakers.size > this.#limit) this.#breakers.delete(this.#breakers.keys().next().value!);
    return breaker;
  }

  /** Endpoints whose circuit is not closed. */
  open(): { readonly url: string; readonly state: CircuitState }[] {
    return [...this.#breakers]
      .filter(([, breaker]) => breaker.state !== 'closed')
      .map(([url, breaker]) => ({ url, state: breaker.state }));
  }
}
