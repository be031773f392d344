import type { FastifyRequest } from 'fastify';
import { readSenderTrace, type SenderTrace } from '../core/trace-context.ts';

/** How a request came in. */
export interface Door {
  readonly route?: string;
  /** What the sender says of its trace, where that is as it should be. */
  readonly trace?: SenderTrace;
}

export function doorOf({ headers, routeOptions: { url: route } }: FastifyRequest): Door {
  const trace = readSenderTrace(headers);
  return { ...(route !== undefined && { route }), ...(trace && { trace }) };
}

/** What came in with others by one door may say of itself which trace it came of; else it is that of the request. */
export function throughDoor<A extends { readonly door?: Door }>(
  arrival: A,
  { trace }: { readonly trace?: SenderTrace | undefined },
): A {
  return trace === undefined ? arrival : { ...arrival, door: { ...arrival.door, trace } };
}
