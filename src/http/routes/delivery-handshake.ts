import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import type { RateLimit } from '../../core/rate-limit.ts';
import { rateLimitOf } from '../../inbound/source.ts';
import type { AppPorts } from '../ports.ts';

type Params = { Params: { source: string } };

const schema = {
  summary: 'Say whether deliveries are expected here, and how many a minute',
  description:
    'The handshake of the CloudEvents webhook specification. It lets nobody in: each delivery is verified when it comes.',
  acceptedHeaders: Type.Object({
    'WebHook-Request-Origin': Type.String({ description: 'The host that will send.' }),
    'WebHook-Request-Rate': Type.Optional(Type.String({ description: 'Requests a minute.' })),
  }),
  response: {
    204: {
      description:
        '`WebHook-Allowed-Origin` and `WebHook-Allowed-Rate` (requests a minute, or `*`) are the answer.',
    },
  },
};

/** `OPTIONS /events`, for whoever may send there. */
export function registerEventsHandshake(app: FastifyInstance, { options }: AppPorts): void {
  app.options('/events', { config: { originIsSender: true }, schema }, async (request, reply) =>
    answer(request, reply, options.rateLimit),
  );
}

/** `OPTIONS` of a source that is there. */
export function registerSourceHandshake(app: FastifyInstance, { options, store }: AppPorts): void {
  const config = { callerIsVerified: true };
  for (const url of ['/webhooks/:source', '/events/:source']) {
    app.options<Params>(url, { config, schema }, async (request, reply) => {
      const { source: name } = request.params;
      const source = await store.source(name);
      if (source === undefined) {
        const shown = JSON.stringify(name.slice(0, 80));
        throw new SignalboxError('unknown_source', `There is no source ${shown}; it takes no deliveries.`);
      }
      return answer(request, reply, rateLimitOf(source) ?? options.rateLimit);
    });
  }
}

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md, section 4. */
function answer(request: FastifyRequest, reply: FastifyReply, limit: RateLimit | null): FastifyReply {
  const origin = request.headers['webhook-request-origin'];
  if (typeof origin !== 'string' || !/^[\w.*:-]{1,253}$/.test(origin)) {
    const message = 'The header WebHook-Request-Origin is missing, or names no host.';
    throw new SignalboxError('malformed_request', message);
  }
  const asked = Number(request.headers['webhook-request-rate']);
  return reply
    .code(204)
    .header('allow', 'POST')
    .header('webhook-allowed-origin', origin)
    .header('webhook-allowed-rate', allowedRate(limit, asked))
    .send();
}

function allowedRate(limit: RateLimit | null, asked: number): string {
  if (limit === null) return '*';
  const perMinute = Math.max(1, Math.floor((limit.count * 60_000) / limit.windowMs));
  return String(Number.isSafeInteger(asked) && asked > 0 ? Math.min(asked, perMinute) : perMinute);
}
