import type { RecordedEvent } from '../record/events.ts';

const latest = 20;

/** How the questions went that this process asked last: a projection of the record. */
export class AgentOutcomes {
  readonly #agent: string;
  /** What they failed with; undefined for an answer. The latest is last. */
  #outcomes: (string | undefined)[] = [];

  constructor(agent: string) {
    this.#agent = agent;
  }

  recorded(event: RecordedEvent): void {
    if (event.type !== 'WEBHOOK_MANAGER_AGENT_RESPONSE') return;
    this.#outcomes.push(event.data.error?.message);
    if (this.#outcomes.length > latest) this.#outcomes = this.#outcomes.slice(-latest);
  }

  recentFailures() {
    const asked = this.#outcomes.length;
    const failed = this.#outcomes.filter((error) => error !== undefined).length;
    const inARow = asked - 1 - this.#outcomes.lastIndexOf(undefined);
    const lastError = this.#outcomes.at(-1);
    return { agent: this.#agent, asked, failed, inARow, ...(lastError !== undefined && { lastError }) };
  }
}
