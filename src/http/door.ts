import type { FastifyRequest } from 'fastify';
import { parseTraceparent } from '../core/trace-context.ts';

/** How a request came in. */
export interface Door {
  readonly route?: string;
  /** What the sender says of its trace, where that is as it should be. */
  readonly trace?: { readonly traceparent: string; readonly tracestate?: string };
}

/** https://www.w3.org/TR/trace-context/#tracestate-limits */
const longestState = 512;

export function doorOf({ headers, routeOptions: { url: route } }: FastifyRequest): Door {
  const { traceparent, tracestate } = headers;
  const named = route === undefined ? {} : { route };
  if (typeof traceparent !== 'string' || parseTraceparent(traceparent) === undefined) return named;
  const state = typeof tracestate === 'string' && tracestate.length <= longestState ? { tracestate } : {};
  return { ...named, trace: { traceparent, ...state } };
}
