import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AppPorts, HealthPart, HealthStatus } from '../ports.ts';
import { healthShape, liveShape, readyShape } from '../shapes/health.ts';

const schemas = {
  live: { summary: 'Say that the process lives', response: { 200: liveShape } },
  ready: { summary: 'Say whether it takes requests', response: { 200: readyShape, 503: readyShape } },
  health: {
    summary: 'Show the parts of the process, and all together',
    response: { 200: healthShape, 503: healthShape },
  },
};

/** Open to everyone: whether the process lives, and whether it takes requests. They say nothing more. */
export function registerProbes(app: FastifyInstance, ports: AppPorts, isDraining: () => boolean): void {
  app.get('/health/live', { schema: schemas.live }, async (_, reply) =>
    answer(reply, true, { status: 'live' }),
  );
  app.get('/health/ready', { schema: schemas.ready }, async (_, reply) => {
    const parts = await (ports.essentials ?? ports.health)();
    const ready = !isDraining() && overall(parts) !== 'DOWN';
    return answer(reply, ready, { status: ready ? 'ready' : 'not_ready' });
  });
}

/** `GET /health`: each part, and all together. */
export function registerHealth(app: FastifyInstance, ports: AppPorts): void {
  app.get('/health', { schema: schemas.health }, async (_, reply) => {
    const parts = await ports.health();
    const status = overall(parts);
    const { queued, running, resident } = ports.engine.stats();
    return answer(reply, status !== 'DOWN', {
      status,
      runs: { queued, running, resident },
      parts: Object.fromEntries(parts.map(({ name, status, detail }) => [name, { status, detail }])),
    });
  });
}

/** Down when a part is without which nothing is accepted; degraded when any part is not as it should be. */
export function overall(parts: readonly HealthPart[]): HealthStatus {
  if (parts.some((part) => part.essential && part.status === 'DOWN')) return 'DOWN';
  return parts.every((part) => part.status === 'HEALTHY') ? 'HEALTHY' : 'DEGRADED';
}

function answer(reply: FastifyReply, good: boolean, body: object): FastifyReply {
  return reply
    .code(good ? 200 : 503)
    .header('cache-control', 'no-store')
    .send({ success: good, ...body });
}
