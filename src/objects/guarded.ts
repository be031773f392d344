import {
  CircuitBreaker,
  type CircuitState,
  defaultBreakerPolicy,
  type Health,
} from '../core/circuit-breaker.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Objects, ObjectsProblem } from './objects.ts';

/** What may fail while the others go on: a full store can be read, and who may write need not be allowed to delete. */
const kinds = ['write', 'read', 'delete'] as const;
type Kind = (typeof kinds)[number];

export interface GuardOptions {
  /** What is guarded, for people: where it is. Nothing that is a secret. */
  readonly name: string;
  readonly onChange?: (change: CircuitChange) => void;
  /** How long an open circuit stays open. Default: 60 s. */
  readonly timeoutMs?: number;
  /** Milliseconds. */
  readonly clock?: () => number;
}

export interface CircuitChange {
  readonly name: string;
  readonly kind: Kind;
  readonly to: CircuitState;
  /** What the latest that failed came to. */
  readonly problem: string;
}

interface Circuit {
  readonly breaker: CircuitBreaker;
  failure: string;
  /** Since when it has not been closed. */
  openedAt: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/**
 * A circuit breaker before a store of objects: once it has failed five times in a row, whoever needs it is refused at once with
 * `storage_failed` and a `retryAfterMs`, and holds up nobody for the time that a store takes that does not answer.
 *
 * Whether it is back is tried by the guard itself, with an object of its own, as nobody else may come to ask.
 */
export class GuardedObjects implements Objects {
  readonly #objects: Objects;
  readonly #options: GuardOptions;
  readonly #clock: () => number;
  readonly #timeoutMs: number;
  readonly #circuits: Readonly<Record<Kind, Circuit>>;

  constructor(objects: Objects, options: GuardOptions) {
    this.#objects = objects;
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#timeoutMs = options.timeoutMs ?? defaultBreakerPolicy.timeoutMs;
    const circuit = (): Circuit => ({
      breaker: new CircuitBreaker({ ...defaultBreakerPolicy, timeoutMs: this.#timeoutMs }),
      ...{ failure: '', openedAt: undefined, timer: undefined },
    });
    this.#circuits = { write: circuit(), read: circuit(), delete: circuit() };
  }

  put: Objects['put'] = (key, body, options) =>
    this.#call('write', () => this.#objects.put(key, body, options));
  get: Objects['get'] = (key) => this.#call('read', () => this.#objects.get(key));
  read: Objects['read'] = (key) => this.#call('read', () => this.#objects.read(key));
  delete: Objects['delete'] = (key) => this.#call('delete', () => this.#objects.delete(key));
  list: Objects['list'] = (prefix, limit) => this.#call('read', () => this.#objects.list(prefix, limit));
  location: Objects['location'] = (key) => this.#objects.location(key);

  /** For how long nothing is written for certain; undefined where something may be. */
  shutForMs(): number | undefined {
    return this.#circuits.write.breaker.shutForMs(this.#clock());
  }

  /** What has kept it from being used, and since when. */
  problem(): ObjectsProblem | undefined {
    for (const kind of kinds) {
      const { failure, openedAt: since } = this.#circuits[kind];
      if (since !== undefined) return { message: `${this.#what(kind)}: ${failure}`, since };
    }
    return undefined;
  }

  /** The circuits that are not closed. */
  open(): { readonly url: string; readonly state: CircuitState }[] {
    const states = kinds.map((kind) => this.#circuits[kind].breaker.state);
    return states.filter((state) => state !== 'closed').map((state) => ({ url: this.#options.name, state }));
  }

  close(): void {
    for (const kind of kinds) clearTimeout(this.#circuits[kind].timer);
  }

  async #call<T>(kind: Kind, work: () => Promise<T>): Promise<T> {
    const { breaker } = this.#circuits[kind];
    const permission = breaker.ask(this.#clock());
    if (!permission.allowed) throw this.#refusal(kind, permission.retryInMs);
    try {
      const done = await work();
      this.#report(kind, 'healthy', permission.probe);
      return done;
    } catch (error) {
      this.#circuits[kind].failure = messageOf(error);
      this.#report(kind, healthOf(error), permission.probe);
      throw error;
    }
  }

  #report(kind: Kind, health: Health, probe: boolean): void {
    const circuit = this.#circuits[kind];
    const before = circuit.breaker.state;
    circuit.breaker.report(health, probe, this.#clock());
    const to = circuit.breaker.state;
    if (to === before) return;
    if (to === 'open') this.#tryAfter(kind, this.#timeoutMs);
    // What is not back yet is the same problem as before.
    const isNews = to === 'open' ? circuit.openedAt === undefined : to === 'closed';
    circuit.openedAt = to === 'closed' ? undefined : (circuit.openedAt ?? Date.now());
    const { name, onChange } = this.#options;
    if (isNews) onChange?.({ name, kind, to, problem: circuit.failure });
  }

  #tryAfter(kind: Kind, delayMs: number): void {
    const circuit = this.#circuits[kind];
    clearTimeout(circuit.timer);
    circuit.timer = setTimeout(() => this.#try(kind), delayMs).unref();
  }

  /** As often as it takes to close the circuit. */
  async #try(kind: Kind): Promise<void> {
    const { breaker } = this.#circuits[kind];
    try {
      while (breaker.state !== 'closed') await this.#probes[kind]();
      if (kind === 'write') await this.delete(probeKey);
    } catch {
      if (breaker.state !== 'closed')
        this.#tryAfter(kind, breaker.shutForMs(this.#clock()) ?? this.#timeoutMs / 10);
    }
  }

  readonly #probes: Readonly<Record<Kind, () => Promise<unknown>>> = {
    write: () =>
      this.put(probeKey, 'Whether this can be written is tried now and then; it may be removed.\n'),
    read: () => this.list(probeKey, 1),
    delete: () => this.delete(probeKey),
  };

  #refusal(kind: Kind, retryAfterMs: number): SignalboxError {
    const message = `${this.#what(kind)}, and is not asked for now. The last time: ${this.#circuits[kind].failure}`;
    return new SignalboxError('storage_failed', message, { retryAfterMs });
  }

  #what(kind: Kind): string {
    return `The store of objects at ${this.#options.name} fails to ${kind}`;
  }
}

const probeKey = 'health/probe.txt';

/** What is said of a key or a version says nothing of the store. */
function healthOf(error: unknown): Health {
  if (!(error instanceof SignalboxError)) return 'unhealthy';
  if (error.code === 'storage_failed') return 'unhealthy';
  return error.code === 'object_changed' ? 'healthy' : 'unknown';
}
