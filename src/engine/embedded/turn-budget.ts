const longTurnMs = 8;
const shortTurnMs = 4;
const smallest = 2;
const largest = 1_024;

/**
 * How many runs may begin or go on in one turn of the event loop. What they compute makes turns long, and a request that
 * comes in waits for the turn to end: the budget shrinks by half after a long turn and grows by a quarter after a short one,
 * so that requests are accepted quickly while a backlog is worked off.
 */
export class TurnBudget {
  #budget = 32;
  #used = 0;
  #startedAt = 0;

  get hasRoom(): boolean {
    return this.#used < this.#budget;
  }

  /** Uses a place in this turn; `afterTurn` is called once at its end. */
  use(afterTurn: () => void): void {
    if (this.#used === 0) {
      this.#startedAt = performance.now();
      setImmediate(() => {
        this.#endTurn();
        afterTurn();
      });
    }
    this.#used += 1;
  }

  #endTurn(): void {
    const lastedMs = performance.now() - this.#startedAt;
    if (lastedMs > longTurnMs) this.#budget = Math.max(smallest, this.#budget >> 1);
    else if (lastedMs < shortTurnMs) this.#budget = Math.min(largest, this.#budget + (this.#budget >> 2) + 1);
    this.#used = 0;
  }
}
