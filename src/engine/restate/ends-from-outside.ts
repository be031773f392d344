import { closingFacts } from '../closing-facts.ts';
import { hasEnded, type RunStatus, type StampedFact } from '../engine.ts';
import type { FactWriter } from '../fact-writer.ts';
import type { FlowRegistry } from '../flow-registry.ts';
import type { Admin } from './admin.ts';
import type { Ingress } from './ingress.ts';
import { factsOf, operationsOf } from './journal.ts';
import type { RunReader } from './run-reader.ts';

export interface EndsOptions {
  readonly ingress: Ingress;
  readonly admin: Admin;
  readonly reader: RunReader;
  readonly flows: FlowRegistry;
  readonly facts: FactWriter;
  /** The service of the runs. */
  readonly service: string;
  readonly onEnded: (runId: string) => void;
}

/** Ends runs without their code. What follows from an end may be done twice, so that a crash in between is mended by asking again. */
export class EndsFromOutside {
  readonly #options: EndsOptions;

  constructor(options: EndsOptions) {
    this.#options = options;
  }

  /** Ends a run, and the runs that it waits for. */
  async terminate(runId: string, reason: string): Promise<RunStatus> {
    const { ingress, admin, reader, service } = this.#options;
    const row = await reader.require(runId);
    const status = reader.statusOf(row);
    if (hasEnded(status)) {
      // Perhaps by an earlier request that did not come to its end.
      await this.close(runId);
      return status;
    }
    const family = await reader.family(row);
    for (const { run_id: member } of family) await ingress.call([service, member, 'terminating'], reason);
    for (const { id } of family) await admin.kill(id);
    for (const { run_id: member } of family) await this.close(member);
    return reader.status(runId);
  }

  /** Waits until a run has ended and closes on the record what it stood for. */
  async close(runId: string): Promise<void> {
    await this.#options.reader.untilEnded(runId);
    await this.#options.facts.write(await this.#factsOf(runId));
    this.#options.onEnded(runId);
  }

  /** Those of its journal, and those that close it. They are the same whenever they are asked for. */
  async #factsOf(runId: string): Promise<StampedFact[]> {
    const { reader, flows } = this.#options;
    const row = await reader.require(runId);
    const run = await reader.toRun(row);
    const { input, error } = run;
    if (run.status !== 'cancelled' || error === undefined || (await reader.endedByItself(row))) return [];
    const at = run.endedAt ?? run.createdAt;
    const isRestart = run.restartOf !== undefined;
    const journal = await reader.journal(row);
    const abandoned = { input, error, at, isRestart, history: operationsOf(journal) };
    const closing = closingFacts(flows.find(run.flow, run.version), runId, abandoned);
    return [...factsOf(journal), ...closing];
  }
}
