import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { RotationState } from '../../encryption/rotation.ts';
import type { AppPorts } from '../ports.ts';
import { nullable, success } from '../shapes/parts.ts';

const encryptionShape = success({
  key_id: nullable(Type.String({ description: 'The key that new values are under; null: they are plain.' })),
  keys: Type.Array(
    Type.Object({
      id: Type.String(),
      newest: Type.Boolean(),
      in_use: Type.Boolean({
        description: 'Whether values may be under it. One that is not can be taken out of the configuration.',
      }),
    }),
  ),
  plain_in_use: Type.Boolean({ description: 'Whether values may be plain.' }),
  rotating: Type.Boolean(),
  rewritten: Type.Integer({ description: 'Values that were put under the newest key, since that began.' }),
  unreadable: Type.Integer({ description: 'Values that no key opens, as the latest look has found them.' }),
});

const none: RotationState = {
  ...{ keyId: null, keys: [], plainInUse: true, rotating: false, rewritten: 0, unreadable: 0 },
};

async function answer({ encryption }: AppPorts) {
  const state = (await encryption?.state()) ?? none;
  return {
    success: true,
    key_id: state.keyId,
    keys: state.keys.map(({ id, isNewest, inUse }) => ({ id, newest: isNewest, in_use: inUse })),
    plain_in_use: state.plainInUse,
    rotating: state.rotating,
    rewritten: state.rewritten,
    unreadable: state.unreadable,
  };
}

/** `GET /encryption`: the keys, and which of them are needed. */
export function registerEncryption(app: FastifyInstance, ports: AppPorts): void {
  const schema = {
    summary: 'Say under which keys values are',
    response: { 200: encryptionShape },
  };
  app.get('/encryption', { schema }, () => answer(ports));
}

/** `POST /encryption/rotate`: puts everything under the newest key, in the background. */
export function registerRotation(app: FastifyInstance, ports: AppPorts): void {
  const schema = {
    summary: 'Put all values under the newest key',
    response: { 202: encryptionShape },
  };
  app.post('/encryption/rotate', { schema }, async (_request, reply) => {
    void ports.encryption?.rotate();
    return reply.code(202).send(await answer(ports));
  });
}
