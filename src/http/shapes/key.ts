import { Type } from 'typebox';
import { scopes } from '../../core/api-keys.ts';
import { nullable, oneOf, success, time } from './parts.ts';

const key = {
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(oneOf(scopes)),
  status: oneOf(['active', 'expired', 'revoked']),
  created_at: time(),
  created_by: Type.String(),
  expires_at: nullable(time()),
  revoked_at: nullable(time()),
  last_used_at: nullable(time()),
};

export const keyRequestShape = Type.Object(
  {
    name: Type.String({ pattern: '^[\\w.-]{1,64}$' }),
    scopes: Type.Array(oneOf(scopes), { minItems: 1 }),
    expires: Type.Optional(Type.String({ description: '`never` or a time from 1m to 3660d.' })),
  },
  { title: 'KeyRequest', examples: [{ name: 'crm', scopes: ['ingest'], expires: '90d' }] },
);

export const keysShape = success({ keys: Type.Array(Type.Object(key, { title: 'Key' })) });
export const shownKeyShape = success(key);
export const createdKeyShape = success({
  ...key,
  key: Type.String({ description: 'The key itself, which is shown this once.' }),
});
