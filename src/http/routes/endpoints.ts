import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { SignalboxError } from '../../core/errors.ts';
import { safeUrl } from '../../core/safe-url.ts';
import type { AppPorts } from '../ports.ts';
import { success, time } from '../shapes/parts.ts';

const schemas = {
  list: {
    summary: 'List the receivers that said that they are gone (410)',
    response: {
      200: success({
        disabled: Type.Array(Type.Object({ url: Type.String(), disabled_at: time(), reason: Type.String() })),
      }),
    },
  },
  enable: {
    summary: 'Deliver to one of them again',
    acceptedBody: Type.Object({ url: Type.String() }),
    response: { 200: success({ enabled: Type.String() }) },
  },
};

/** `GET /endpoints`: the receivers that said that they are gone; without what their URLs hold of secrets. */
export function registerEndpoints(app: FastifyInstance, { store }: AppPorts): void {
  app.get('/endpoints', { schema: schemas.list }, async () => {
    const disabled = await store.disabledEndpoints();
    const rows = disabled.map(({ url, disabledAt, reason }) => ({
      url: safeUrl(url),
      disabled_at: new Date(disabledAt).toISOString(),
      reason,
    }));
    return { success: true, disabled: rows };
  });
}

/** `POST /endpoints/enable` with a `url` of that list: it takes deliveries again. */
export function registerEnable(app: FastifyInstance, { store }: AppPorts): void {
  app.post<{ Body: { url?: unknown } | null | undefined }>(
    '/endpoints/enable',
    { schema: schemas.enable },
    async (request) => {
      const url = request.body?.url;
      if (typeof url !== 'string') throw urlExpected();
      const disabled = (await store.disabledEndpoints()).filter((one) => safeUrl(one.url) === safeUrl(url));
      if (disabled.length === 0) throw notDisabled(url);
      for (const one of disabled) await store.enableEndpoint(one.url);
      return { success: true, enabled: safeUrl(url) };
    },
  );
}

function urlExpected(): SignalboxError {
  const message = 'is missing; the URL of a disabled endpoint is expected';
  return new SignalboxError('invalid_request', `The request is not valid: url ${message}.`, {
    fields: [{ path: '/url', message }],
  });
}

function notDisabled(url: string): SignalboxError {
  const shown = JSON.stringify(safeUrl(url).slice(0, 200));
  return new SignalboxError('not_found', `${shown} is no disabled endpoint. GET /endpoints lists them.`);
}
