import { Type } from 'typebox';
import type { OperationKind, RunStatus } from '../../engine/engine.ts';
import { anyObject, anything, nullable, oneOf, success, time, uuid } from './parts.ts';

export const runStatuses: readonly RunStatus[] = [
  'queued',
  'running',
  'waiting',
  'paused',
  'succeeded',
  'failed',
  'cancelled',
];

const operationKinds: readonly OperationKind[] = ['run', 'sleep', 'signal', 'call', 'start'];

export const failureShape = Type.Unsafe<object>({ type: 'object', description: 'Why it failed.' });

const run = {
  run_id: uuid(),
  flow: Type.String(),
  version: Type.Integer(),
  status: oneOf(runStatuses),
  error: nullable(failureShape),
  created_at: time(),
  start_at: Type.Optional(time('When it was to begin, for one that was started for later.')),
  ended_at: nullable(time()),
  restart_of: nullable(uuid('The run that this one was started anew from.')),
  restarted_as: nullable(uuid('The latest run that was started anew from this one.')),
  input: anything('What it was started with.'),
};

export const runShape = Type.Object(run, { title: 'Run' });

export const operationShape = Type.Object(
  {
    position: Type.Integer(),
    kind: oneOf(operationKinds),
    name: Type.String(),
    status: oneOf(['pending', 'retrying', 'succeeded', 'failed']),
    attempts: Type.Integer(),
    started_at: nullable(time()),
    ended_at: nullable(time()),
    duration_ms: Type.Optional(Type.Number({ description: 'How long it took, tries and waits included.' })),
    p99_ms: Type.Optional(
      Type.Number({ description: 'What 99 of 100 of these steps took at most in this process, to 10 %.' }),
    ),
    slow: Type.Optional(Type.Boolean({ description: 'Whether it took longer than that.' })),
    due_at: nullable(time('When a sleep, a timeout or the next attempt is due.')),
    result: anything('What it gave; null while it has not.'),
    error: nullable(failureShape),
    child_run_id: nullable(uuid('The run that it began.')),
  },
  { title: 'Operation' },
);

export const runWithHistoryShape = success(
  { ...run, history: Type.Array(operationShape) },
  { title: 'RunWithHistory' },
);

export const flowVersionShape = Type.Object(
  {
    flow: Type.String(),
    version: Type.Integer(),
    registered: Type.Boolean({ description: 'Whether this process has its code.' }),
    unfinished: Type.Integer(),
    statuses: anyObject('How many unfinished runs are in each status.'),
    paused_for: anyObject('How many runs are paused, by the code of what they are paused for.'),
    oldest_started_at: nullable(time()),
  },
  { title: 'FlowVersion' },
);

export const runChangedShape = success({ run_id: uuid(), status: oneOf(runStatuses) });
export const replayedShape = success({ run_id: uuid(), restart_of: uuid(), status: Type.Literal('queued') });
