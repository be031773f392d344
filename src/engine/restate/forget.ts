import { SignalboxError } from '../../core/errors.ts';
import { hasEnded } from '../engine.ts';
import type { ForgetRuns } from '../forget.ts';
import type { Admin } from './admin.ts';
import type { Ingress } from './ingress.ts';
import { keyService } from './messages.ts';
import type { RunReader } from './run-reader.ts';

export interface ForgetParts {
  readonly reader: Pick<RunReader, 'find' | 'request' | 'statusOf' | 'invocationsOf'>;
  readonly admin: Pick<Admin, 'purge'>;
  readonly ingress: Pick<Ingress, 'call'>;
  readonly namespace: string;
}

/** Takes ended runs out of Restate: the request that an idempotency key keeps, signals, journals. The journal names the key, so it goes last. */
export function createForgetRuns({ reader, admin, ingress, namespace }: ForgetParts): ForgetRuns {
  return async (runIds) => {
    for (const runId of runIds) {
      const { key, isEnded } = await look(reader, runId);
      if (!isEnded) continue;
      if (key !== undefined) await ingress.call([keyService(namespace), key, 'forget'], runId);
      for (const id of await reader.invocationsOf(runId)) await admin.purge(id);
    }
  };
}

async function look(
  reader: ForgetParts['reader'],
  runId: string,
): Promise<{ key?: string; isEnded: boolean }> {
  const row = await reader.find(runId);
  if (row === undefined) return { isEnded: true };
  const request = await reader.request(row).catch(unlessGone);
  const key = request?.idempotencyKey;
  return { isEnded: hasEnded(reader.statusOf(row, request)), ...(key !== undefined && { key }) };
}

/** Without a journal nothing says which key it was. */
function unlessGone(error: unknown): undefined {
  if (error instanceof SignalboxError && error.code === 'unknown_run') return undefined;
  throw error;
}
