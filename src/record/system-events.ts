/**
 * Events that are of no conversation: what happened at the doors. The subject of their facts says what they are about:
 * `execution:<execution id>` or `source:<name>`.
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
}

export const systemEventTypes = [
  'WORKFLOW_TRIGGERED',
  'WORKFLOW_EXECUTION_NAMED',
] as const satisfies readonly (keyof SystemEventData)[];
