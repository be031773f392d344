import type { ActEnd, OperatorAct } from './acts.ts';

/**
 * Events that are of no conversation: what happened at the doors. The subject of their facts says what they are about:
 * `execution:<execution id>`, `refused-requests:<source>` or `audit`.
 */
export interface SystemEventData {
  /** Kept with the start of its run. */
  readonly WORKFLOW_TRIGGERED: {
    readonly executionId: string;
    readonly runId: string;
    readonly definitionId: string;
    readonly name: string | null;
    readonly initiatedBy: string | null;
    /** By which door it came: `http`, `eventbridge`, `sqs`, `sns` … */
    readonly channel: string;
    /** ISO-8601. */
    readonly queuedAt: string;
  };
  /** Where the run of an execution is found whose id is not that of its run. */
  readonly WORKFLOW_EXECUTION_NAMED: { readonly executionId: string; readonly runId: string };
  /** A request that its source's scheme did not verify, or that named no source: a sample of them. */
  readonly INBOUND_REQUEST_REFUSED: {
    /** `-` where it named none of ours. */
    readonly source: string;
    /** What it called its source. */
    readonly name: string;
    /** `missing`, `mismatch`, `stale` or `unknown_source`, of which the sender is not told; or `invalid_input`. */
    readonly because: string;
    /** The address that it came from. */
    readonly from: string;
    readonly method: string;
    readonly path: string;
    /** Null for values that may be secret. */
    readonly headers: Readonly<Record<string, string | null>>;
    readonly bodySha256: string;
    readonly bodySizeBytes: number;
  };
  /** Many requests of a source were refused within a minute: once for each such minute. */
  readonly INBOUND_REQUESTS_REFUSED: {
    readonly source: string;
    /** So many by then. */
    readonly count: number;
    readonly windowMs: number;
  };
  /** Somebody is about to steer; durable before it is done. */
  readonly OPERATOR_ACT: OperatorAct;
  /** What came of it. */
  readonly OPERATOR_ACT_ENDED: ActEnd & { readonly actId: string };
}

export const systemEventTypes = [
  'WORKFLOW_TRIGGERED',
  'WORKFLOW_EXECUTION_NAMED',
  'INBOUND_REQUEST_REFUSED',
  'INBOUND_REQUESTS_REFUSED',
  'OPERATOR_ACT',
  'OPERATOR_ACT_ENDED',
] as const satisfies readonly (keyof SystemEventData)[];
