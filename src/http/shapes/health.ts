import { Type } from 'typebox';
import { oneOf } from './parts.ts';

const statuses = ['HEALTHY', 'DEGRADED', 'DOWN'] as const;

export const healthShape = Type.Object(
  {
    success: Type.Boolean(),
    status: oneOf(statuses),
    runs: Type.Object({ queued: Type.Integer(), running: Type.Integer(), resident: Type.Integer() }),
    parts: Type.Record(
      Type.String(),
      Type.Object({ status: oneOf(statuses), detail: Type.String({ description: 'What was seen.' }) }),
    ),
  },
  { title: 'Health' },
);

export const liveShape = Type.Object({ success: Type.Boolean(), status: Type.Literal('live') });
export const readyShape = Type.Object({ success: Type.Boolean(), status: oneOf(['ready', 'not_ready']) });
