import { uuidv7 } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { StampedFact } from '../engine/engine.ts';

/** Somebody steers: who, what, on what, from where. Never a secret. */
export interface OperatorAct {
  /** Such as `runs.cancel`, `keys.create`, `session.begin`, `access.refused`. */
  readonly act: string;
  /** An id or a name; null for what has none. */
  readonly target: string | null;
  readonly actor: string;
  readonly actorKind: 'key' | 'token' | 'anybody' | 'command_line' | 'unknown';
  /** The id of a key, the issuer of a token. */
  readonly actorId: string | null;
  /** The beginning of the hash of the session, where it came with one. */
  readonly session: string | null;
  /** The address of the connection. */
  readonly address: string | null;
  /** Such as `POST /runs/:run_id/cancel`. */
  readonly route: string | null;
  /** Of what was refused since the last such line: how many more there were. */
  readonly more?: number;
}

export interface ActEnd {
  readonly outcome: 'done' | 'refused' | 'failed';
  /** Of HTTP; null where none was answered. */
  readonly status: number | null;
  /** Of the catalogue of errors. */
  readonly code: string | null;
  /** What it was done to, where that is no one thing: `12 conversations by source_system crm`. */
  readonly detail?: string;
}

/** What all of them are kept under. */
export const auditSubject = 'audit';

/** The fact to append before the act. */
export function actFact(act: OperatorAct, at: number): StampedFact {
  const data = act as unknown as JsonObject;
  return { id: uuidv7(at), at, type: 'OPERATOR_ACT', subject: auditSubject, data };
}

/** The fact to append after it. */
export function actEndFact(actId: string, end: ActEnd, at: number): StampedFact {
  const data = { actId, ...end };
  return { id: `${actId}/end`, at, type: 'OPERATOR_ACT_ENDED', subject: auditSubject, data };
}
