import { Type } from 'typebox';
import { anything, nullable, oneOf, page, success, time, uuid } from './parts.ts';
import { failureShape, operationShape, runStatuses } from './run.ts';

const executionId = Type.String({ description: 'As the trigger gave it, or the id of its run.' });

const execution = {
  execution_id: executionId,
  run_id: uuid(),
  definition_id: Type.String(),
  version: Type.Integer(),
  status: oneOf(runStatuses),
  name: nullable(Type.String()),
  initiated_by: nullable(Type.String()),
  channel: nullable(
    Type.String({ description: 'By which door it came: `http`, `eventbridge`, `sqs`, `sns`.' }),
  ),
  queued_at: time(),
  ended_at: nullable(time()),
  error: nullable(failureShape),
  retry_of: nullable(uuid()),
  retried_as: nullable(uuid()),
  input: anything('What it was started with.'),
};

export const executionsShape = page('executions', Type.Object(execution, { title: 'Execution' }));

export const executionShape = success(
  {
    ...execution,
    output: anything('What it gave; null while it has not.'),
    history: Type.Array(operationShape),
  },
  { title: 'ExecutionWithHistory' },
);

export const triggeredShape = success(
  {
    execution_id: executionId,
    definition_id: Type.String(),
    status: Type.Literal('queued'),
    queued_at: time(),
  },
  { title: 'Triggered' },
);

export const executionChangedShape = success({ execution_id: executionId, status: oneOf(runStatuses) });

export const retriedShape = success({
  execution_id: executionId,
  definition_id: Type.String(),
  retry_of: executionId,
  status: Type.Literal('queued'),
});

export const signalledShape = success({
  execution_id: executionId,
  signal: Type.String(),
  outcome: Type.String({ description: '`duplicate` for a key that was sent before.' }),
});
