import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { AppPorts } from '../ports.ts';
import { anyObject, success } from '../shapes/parts.ts';

const schema = {
  summary: 'Profile this process: what it does, and what its heap holds',
  querystring: Type.Object(
    {
      seconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 120, description: 'How long. Default 30.' }),
      ),
    },
    { additionalProperties: false },
  ),
  response: {
    200: success(
      {
        seconds: Type.Number(),
        cpu_profile: anyObject('A .cpuprofile, as DevTools open it.'),
        heap: anyObject('What the heap holds, and where what was taken meanwhile was taken.'),
      },
      { title: 'Profile' },
    ),
  },
};

/** `POST /profile?seconds=30`. A caller that goes away ends it. */
export function registerProfile(app: FastifyInstance, { profiler }: AppPorts): void {
  if (profiler === undefined) return;
  app.post<{ Querystring: { seconds?: number } }>('/profile', { schema }, async (request, reply) => {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const startedAt = performance.now();
    const { cpu, heap } = await profiler.profile((request.query.seconds ?? 30) * 1_000, gone.signal);
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    return {
      success: true,
      seconds,
      cpu_profile: cpu,
      heap: {
        used_bytes: heap.usedBytes,
        total_bytes: heap.totalBytes,
        limit_bytes: heap.limitBytes,
        external_bytes: heap.externalBytes,
        resident_bytes: heap.residentBytes,
        spaces: heap.spaces.map(({ name, usedBytes }) => ({ name, used_bytes: usedBytes })),
        taken_by: heap.takenBy,
      },
    };
  });
}
