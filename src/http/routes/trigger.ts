import type { FastifyInstance } from 'fastify';
import type { Json } from '../../core/json.ts';
import { parseTrigger, triggerBodySchema } from '../../inbound/trigger.ts';
import { doorOf } from '../door.ts';
import { startExecution, type Triggered } from '../executions.ts';
import type { AppPorts } from '../ports.ts';
import type { Quotas } from '../quotas.ts';
import { triggeredShape } from '../shapes/execution.ts';
import type { Startables } from '../startables.ts';

const schema = {
  summary: 'Start an execution, once for each `execution_id`',
  acceptedBody: triggerBodySchema,
  response: { 202: triggeredShape },
};

/** `POST /workflows/trigger`: starts an execution, once for each `execution_id`, and answers 202 once it is durable. */
export function registerTrigger(
  app: FastifyInstance,
  ports: AppPorts,
  startables: Startables,
  quotas: Quotas,
): void {
  app.post('/workflows/trigger', { schema }, async (request, reply) => {
    const receivedAt = performance.now();
    const now = (ports.options.clock ?? Date.now)();
    const trigger = parseTrigger(request.body as Json | undefined);
    await quotas.takeForSource(reply, request.caller, trigger.initiatedBy ?? 'workflows');
    const sizeBytes = request.rawBody?.length ?? 0;
    const arrival = { channel: 'http', now, receivedAt, sizeBytes, door: doorOf(request) };
    const { triggered, created } = await startExecution(ports, startables, trigger, arrival);
    if (!created) reply.header('idempotent-replayed', 'true');
    return reply.code(202).send(triggeredToWire(triggered));
  });
}

function triggeredToWire({ executionId, definitionId, queuedAt }: Triggered) {
  return {
    success: true,
    execution_id: executionId,
    definition_id: definitionId,
    status: 'queued',
    queued_at: queuedAt,
  };
}
