import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Networks } from '../core/networks.ts';
import type { MetricsPort } from './ports.ts';
import { text } from './shapes/parts.ts';

const schema = {
  summary: 'Give the metrics, in the text format of Prometheus',
  response: { 200: text('text/plain', 'The metrics.') },
};

/**
 * What monitoring systems read is for operators, and for whoever calls from a network that is allowed to without a key. It is
 * the address of the connection that counts: what a proxy says of others can be forged.
 */
export function unlessAllowed<Rest extends unknown[]>(
  networks: Networks | undefined,
  guard: (request: FastifyRequest, ...rest: Rest) => Promise<void>,
): (request: FastifyRequest, ...rest: Rest) => Promise<void> {
  return async (request, ...rest) => {
    if (networks?.includes(request.socket.remoteAddress ?? '')) return;
    await guard(request, ...rest);
  };
}

/** `GET /metrics`, in the text format of Prometheus. */
export function registerMetrics(app: FastifyInstance, metrics: MetricsPort | undefined): void {
  if (metrics === undefined) return;
  app.get('/metrics', { schema }, async (_, reply) => {
    const metricsText = await metrics.text();
    return reply
      .type('text/plain; version=0.0.4; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(metricsText);
  });
}
