import type { DurableContext } from '@aws/durable-execution-sdk-js';

/** What the SDK keeps of its operations; not part of its published interface. */
interface Lifecycle {
  markOperationState(
    id: string,
    state: 'EXECUTING' | 'COMPLETED',
    about?: { readonly metadata: object },
  ): void;
}

const id = 'signalbox';
const metadata = { stepId: id, name: id, type: 'STEP', subType: 'Step' };

/**
 * Keeps the SDK from suspending a run. It does that as soon as no step has executed for 20 ms and something is waited for; but
 * the run may be writing facts just then, or the flow may be about to make a step. Nothing of this reaches AWS. Were the SDK to change
 * under it, such a run would be suspended too early, which `Worker` notices: AWS is then to invoke it again.
 */
export class Hold {
  readonly #lifecycle: Lifecycle | undefined;
  #isHeld = false;

  constructor(context: DurableContext) {
    const { checkpoint } = context as { checkpoint?: Partial<Lifecycle> };
    this.#lifecycle =
      typeof checkpoint?.markOperationState === 'function' ? (checkpoint as Lifecycle) : undefined;
  }

  set(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    this.#lifecycle?.markOperationState(id, isHeld ? 'EXECUTING' : 'COMPLETED', { metadata });
  }
}
