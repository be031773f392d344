import type { WireOperation } from '@aws/durable-execution-sdk-js';
import { type Label, parseLabel } from './labels.ts';
import type { OrderRecord, StepRecord } from './messages.ts';

const ended: readonly (string | undefined)[] = ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED', 'CANCELLED'];

/** What AWS keeps of one execution, by the names of its operations: as this invocation found it, and what has come since. */
export class Journal {
  /** What the execution was started with, as text. */
  readonly input: string;
  /** What was there when this invocation began: operations of the flow, by position. */
  readonly positions = new Map<number, Label>();
  /** Entries of the flow's operations that were there when this invocation began. */
  readonly recorded = new Set<string>();
  /** Steps that had ended when this invocation began, in the order in which they had. */
  readonly endedSteps: readonly { readonly name: string; readonly order: number }[];
  /** What `order` steps said when this invocation began, in their order. */
  readonly orders: OrderRecord[] = [];
  readonly pauses: number;
  readonly #operations = new Map<string, WireOperation>();

  constructor(operations: readonly WireOperation[]) {
    this.input = operations.find(({ Type }) => Type === 'EXECUTION')?.ExecutionDetails?.InputPayload ?? '';
    this.pauses = operations.filter(({ Name }) => Name === 'paused').length;
    this.update(operations);
    const steps: { name: string; order: number }[] = [];
    for (const operation of operations) this.#note(operation, steps);
    this.endedSteps = steps.sort((a, b) => a.order - b.order);
  }

  #note(operation: WireOperation, steps: { name: string; order: number }[]): void {
    const name = operation.Name ?? '';
    const result = operation.Status === 'SUCCEEDED' ? operation.StepDetails?.Result : undefined;
    const order = /^order (\d+)$/.exec(name)?.[1];
    if (order !== undefined && result !== undefined) {
      this.orders[Number(order)] = JSON.parse(result) as OrderRecord;
    }
    const label = parseLabel(name);
    if (label === undefined) return;
    this.recorded.add(name);
    if (!this.positions.has(label.position)) this.positions.set(label.position, label);
    if (result !== undefined) steps.push({ name, order: (JSON.parse(result) as StepRecord).order });
  }

  /** Takes what AWS says has changed. */
  update(operations: readonly WireOperation[]): void {
    for (const operation of operations) {
      if (operation.Name !== undefined) this.#operations.set(operation.Name, operation);
    }
  }

  get(name: string): WireOperation | undefined {
    return this.#operations.get(name);
  }

  hasEnded(name: string): boolean {
    return ended.includes(this.#operations.get(name)?.Status);
  }

  /** When an operation ended, by the clock of AWS. */
  endedAt(name: string): number | undefined {
    const at = this.#operations.get(name)?.EndTimestamp;
    return at === undefined ? undefined : new Date(at).getTime();
  }
}
