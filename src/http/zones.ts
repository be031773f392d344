import type { FastifyInstance, FastifyPluginAsync, FastifySchema } from 'fastify';
import type { Scope } from '../core/api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    zone?: Zone;
    /** Of which a key needs one; absent where no key is asked for. */
    scopes?: readonly Scope[];
    /** The route verifies a signature, so that neither `Host` nor `Origin` say anything about its caller. */
    callerIsVerified?: boolean;
    /** With a key, any `Origin`: that of a delivery is who sends it (CloudEvents, HTTP webhook, section 2.1). */
    originIsSender?: boolean;
  }
}

/**
 * Who may call, and so which guard a route has. Each zone is an encapsulated plugin; a route that belongs to none stops the
 * start.
 */
export type Zone = 'senders' | 'operators' | 'probes';

export interface ServedRoute {
  readonly method: string;
  readonly url: string;
  readonly zone: Zone;
  readonly scopes?: readonly Scope[];
  /** What the route says about itself. */
  readonly schema?: FastifySchema;
}

interface RegisteredRoute {
  readonly method: string | string[];
  readonly url: string;
  readonly config?: { zone?: Zone; scopes?: readonly Scope[] };
  readonly schema?: FastifySchema;
}

/** Registers routes in a zone. */
export async function zone(app: FastifyInstance, name: Zone, routes: FastifyPluginAsync): Promise<void> {
  await app.register(async (inner) => {
    inner.addHook('onRoute', (route) => {
      route.config = { ...route.config, zone: name };
    });
    await inner.register(routes);
  });
}

/** Collects the routes as they are registered. Call before the first zone. */
export function collectRoutes(app: FastifyInstance): () => readonly ServedRoute[] {
  const routes: RegisteredRoute[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => void list(routes));
  return () => list(routes);
}

function list(routes: readonly RegisteredRoute[]): ServedRoute[] {
  return routes.flatMap(({ method, url, config, schema }) => {
    if (config?.zone === undefined) throw new Error(`The route ${method} ${url} is in no zone.`);
    const { zone, scopes } = config;
    return [method].flat().map((one) => ({
      ...{ method: one, url, zone },
      ...(scopes !== undefined && { scopes }),
      ...(schema !== undefined && { schema }),
    }));
  });
}
