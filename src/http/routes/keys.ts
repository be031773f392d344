import type { FastifyInstance } from 'fastify';
import { SignalboxError } from '../../core/errors.ts';
import { anybody } from '../../identity/caller.ts';
import { createKey, parseKeyRequest, revokeKey, shownKey } from '../../identity/keys.ts';
import type { AppPorts } from '../ports.ts';
import { createdKeyShape, keyRequestShape, keysShape, shownKeyShape } from '../shapes/key.ts';

const schemas = {
  list: { summary: 'List the API keys, without the keys themselves', response: { 200: keysShape } },
  create: {
    summary: 'Make an API key; the answer shows it, once',
    acceptedBody: keyRequestShape,
    response: { 201: createdKeyShape },
  },
  revoke: { summary: 'Revoke an API key, by its id or name', response: { 200: shownKeyShape } },
};

/** `GET /keys`, `POST /keys` (the answer has the key: it is shown once) and `DELETE /keys/{key}`, by id or name. */
export function registerKeys(app: FastifyInstance, { store, callers, options }: AppPorts): void {
  const clock = options.clock ?? Date.now;

  app.get('/keys', { schema: schemas.list }, async () => {
    const keys = await store.keys();
    return { success: true, keys: keys.map((key) => shownKey(key, clock())) };
  });

  app.post('/keys', { schema: schemas.create }, async (request, reply) => {
    const asked = parseKeyRequest(request.body);
    if (callers.isConfigured(asked.name)) throw nameTaken(asked.name);
    const by = { name: (request.caller ?? anybody).name, now: clock() };
    const { text, key } = await createKey(store, asked, by);
    await callers.keysChanged();
    reply.code(201).header('cache-control', 'no-store');
    return { success: true, ...shownKey(key, by.now), key: text };
  });

  app.delete<{ Params: { key: string } }>('/keys/:key', { schema: schemas.revoke }, async (request) => {
    const key = await revokeKey(store, request.params.key, clock());
    await callers.keysChanged();
    return { success: true, ...shownKey(key, clock()) };
  });
}

const nameTaken = (name: string) =>
  new SignalboxError(
    'conflict',
    `There is a key with the name ${JSON.stringify(name)} in SIGNALBOX_API_KEYS already. Give this one another name.`,
  );
