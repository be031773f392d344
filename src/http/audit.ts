import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { safeUrl } from '../core/safe-url.ts';
import { anybody, type Caller } from '../identity/caller.ts';
import { type ActEnd, actEndFact, actFact, type OperatorAct } from '../record/acts.ts';
import type { AppPorts } from './ports.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The act on the record that this request is. */
    actId?: string;
    /** What the line says of its end besides: no content. */
    actDetail?: string;
  }
}

/** Acts whose name does not follow from their route. */
const named: Readonly<Record<string, string>> = {
  'DELETE /keys/:key': 'keys.revoke',
  'POST /page/ask': 'questions.ask',
  'POST /exports': 'exports.begin',
  'POST /sign-in': 'session.begin',
  'POST /sign-out': 'session.end',
};

const steers = ({ method }: FastifyRequest): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method);

/**
 * An audit line for each request that steers, whatever its route: what is about to be done is durable before it is done, what came
 * of it before it is told. Requests with wrong credentials, or without the scope, get one as well, up to a number each minute.
 * Call it in the zone before its routes.
 */
export function auditActs(app: FastifyInstance, { store, log, options }: AppPorts): void {
  const clock = options.clock ?? Date.now;
  const refused = new RefusedCalls();
  app.addHook('preHandler', async (request) => {
    if (!steers(request) || isSignInOfNobody(request)) return;
    const fact = actFact(actOf(request, request.caller ?? anybody), clock());
    await store.append([fact]);
    request.actId = fact.id;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    try {
      if (request.actId !== undefined) {
        await store.append([
          actEndFact(request.actId, { ...endOf(reply, payload), ...detailOf(request) }, clock()),
        ]);
      } else if (isRefusal(request, reply)) {
        const more = refused.count(clock());
        if (more === undefined) return payload;
        const act = { ...actOf(request, request.caller), act: 'access.refused', ...(more > 0 && { more }) };
        const fact = actFact(act, clock());
        await store.append([fact, actEndFact(fact.id, endOf(reply, payload), clock())]);
      }
    } catch (error) {
      // What was done is done, and its beginning is on the record.
      log.failed('The end of an act could not be written to the audit', error);
    }
    return payload;
  });
}

function isRefusal(request: FastifyRequest, { statusCode }: FastifyReply): boolean {
  if (statusCode === 403 || (statusCode === 401 && isSignInOfNobody(request))) return true;
  const { authorization, 'x-api-key': key } = request.headers;
  return statusCode === 401 && (authorization !== undefined || key !== undefined);
}

/** Who was not let in, and showed nothing that is known here, is unknown. */
function actOf(request: FastifyRequest, caller: Caller | undefined): OperatorAct {
  const { method, routeOptions, ip } = request;
  const route = `${method} ${routeOptions.url ?? ''}`;
  return {
    act: named[route] ?? nameOf(method, routeOptions.url ?? ''),
    target: targetOf(request),
    ...(caller === undefined
      ? { actor: 'unknown', actorKind: 'unknown', actorId: null, session: null }
      : { actor: caller.name, actorKind: caller.kind, actorId: caller.id, session: caller.session ?? null }),
    address: ip ?? null,
    route,
  };
}

const isSignInOfNobody = ({ caller, routeOptions }: FastifyRequest): boolean =>
  caller === undefined && /^\/sign-(in|out)$/.test(routeOptions.url ?? '');

/** `POST /runs/:run_id/cancel` is `runs.cancel`, `PUT /sources/:source` is `sources.put`. */
function nameOf(method: string, url: string): string {
  const words = url.split('/').filter((part) => part !== '' && part !== 'page' && !part.startsWith(':'));
  const verbs: Readonly<Record<string, string>> = { PUT: 'put', DELETE: 'delete', PATCH: 'change' };
  const verb = verbs[method] ?? (words.length > 1 ? undefined : 'create');
  return [...words, ...(verb === undefined ? [] : [verb])].join('.');
}

/** What the path names; else the name or the URL in the body. */
function targetOf({ params, body }: FastifyRequest): string | null {
  const named = Object.values((params ?? {}) as Record<string, string>);
  if (named.length > 0) return named.join('/').slice(0, 200);
  const { name, url } = (body ?? {}) as { name?: unknown; url?: unknown };
  if (typeof url === 'string') return safeUrl(url).slice(0, 200);
  return typeof name === 'string' ? name.slice(0, 200) : null;
}

const detailOf = ({ actDetail: detail }: FastifyRequest) => (detail === undefined ? {} : { detail });

function endOf({ statusCode }: FastifyReply, payload: unknown): ActEnd {
  const outcome = statusCode < 400 ? 'done' : statusCode < 500 ? 'refused' : 'failed';
  return { outcome, status: statusCode, code: outcome === 'done' ? null : codeIn(payload) };
}

function codeIn(payload: unknown): string | null {
  return (typeof payload === 'string' && /"code":"([a-z_]{1,64})"/.exec(payload)?.[1]) || null;
}

/** So many lines a minute, whatever is tried; of the others only how many there were. */
const linesPerMinute = 60;

class RefusedCalls {
  #minute = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #untold = 0;

  /** How many were not told before this one; undefined when this one is not to be told either. */
  count(now: number): number | undefined {
    const minute = Math.floor(now / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#lines = 0;
    }
    if (this.#lines >= linesPerMinute) {
      this.#untold++;
      return undefined;
    }
    this.#lines++;
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
