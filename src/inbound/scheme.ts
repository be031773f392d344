import type { TSchema } from 'typebox';
import type { FieldError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { SenderTrace } from '../core/trace-context.ts';

/** A request as its sender signed it. */
export interface InboundRequest {
  readonly method: string;
  /** As the sender addressed it: scheme, host, path and query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/**
 * How a sender's requests are told from forged ones. A scheme is pure: it is given the bytes, the secrets that are valid
 * now and the time, and says what it saw. Whoever adds one adds its vectors to `docs/reference/inbound.md`.
 */
export interface Scheme<Options extends JsonObject = JsonObject> {
  readonly name: string;
  /** Where the sender's documentation says how it signs. */
  readonly documentation: string;
  /** What a source of this scheme may set. */
  readonly options: TSchema;
  /** What is wrong with options that are each well on their own. */
  readonly faultsOfOptions?: (options: Options) => readonly FieldError[];
  /** Says what is wrong with a secret of this scheme, or undefined. */
  readonly problemOfSecret?: (secret: string) => string | undefined;
  /** False for a scheme that is used without a secret. */
  readonly needsSecret: boolean;
  /** Whether the signature covers the body. */
  readonly signsBody: boolean;
  verify(request: InboundRequest, secrets: readonly string[], options: Options, nowMs: number): Verdict;
  /** Reads the body of a verified request where JSON and forms are not what comes. Throws `malformed_request`. */
  parse?: (body: Buffer) => Json;
  /** Forms of this sender carry JSON in the field of this name. */
  readonly formField?: string;
  /** For senders of any kind: what says that it is a CloudEvent, or an envelope of AWS, is read as one. */
  readonly takesAnyEvent?: true;
  /** The events that a verified request brings: mostly one. */
  events(request: InboundRequest, payload: Json, options: Options): readonly InboundEvent[];
  /** What is signed of a request that is the same when it comes again; the body where a scheme does not say. */
  signedContent?: (request: InboundRequest, options: Options) => readonly (string | Buffer)[];
  /** The answer of a request that only asks whether we are there; it starts nothing. */
  handshake?: (payload: Json) => Reply | undefined;
  /** The answer of a request that was taken, where the sender insists on one of its own. */
  acknowledgement?: () => Reply;
}

export type Verdict =
  | { readonly verified: true /** Which of the secrets it was, for the record. */; readonly secret?: number }
  | { readonly verified: false; readonly because: Refusal };

/** `stale` only when the signature holds: a forger learns nothing of clocks. */
export type Refusal = 'missing' | 'mismatch' | 'stale';

export interface InboundEvent {
  /** The sender's own id of this event: the same when it sends it again. */
  readonly deliveryId?: string | undefined;
  /** The id is beside what is signed: anybody who has seen a request may change it, so that it tells no event from another. */
  readonly idIsUnsigned?: boolean;
  /** All but `data` of the payload is beside what is signed as well. */
  readonly attributesAreUnsigned?: boolean;
  readonly eventType?: string | undefined;
  /** Where it happened, for senders that say so. */
  readonly eventSource?: string | undefined;
  /** What it says of the trace that it came of. */
  readonly trace?: SenderTrace | undefined;
  readonly payload: Json;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export const refused = (because: Refusal): Verdict => ({ verified: false, because });

/** How far the clocks of a sender and of this machine, and the way between them, may be apart. */
export const toleranceMs = 5 * 60_000;

export function isStale(signedAtMs: number, nowMs: number, tolerance = toleranceMs): boolean {
  // Written so that a time that is not a number is stale.
  return !(Math.abs(nowMs - signedAtMs) <= tolerance);
}

/** A text at a path of a payload, or undefined; numbers count as texts. */
export function textAt(payload: Json, ...path: readonly string[]): string | undefined {
  let value: Json | undefined = payload;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined;
  }
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
