import type { Engine } from '../engine/engine.ts';
import { endedFamily, type ForgetRuns, forgetValues } from '../engine/forget.ts';
import { createEraseFlow, type EraseFlow } from '../flows/erase.ts';
import type { Objects } from '../objects/objects.ts';
import type { Store } from '../store/store.ts';

export interface EraseParts {
  readonly store: Store;
  readonly objects: Objects;
  readonly exports: Objects;
  /** The engine runs the flow, so it is there only after it. */
  readonly engine: () => Pick<Engine, 'get' | 'history'> & { readonly forgetRuns: ForgetRuns };
}

/** The flow that erases, over whichever engine there is. */
export function createErasing({ store, objects, exports, engine }: EraseParts): EraseFlow {
  const runs = {
    family: (runId: string) => endedFamily(engine(), runId),
    async forget(runIds: readonly string[]) {
      // The journal says which they are, so it goes last.
      await forgetValues(objects, runIds);
      await engine().forgetRuns(runIds);
    },
  };
  return createEraseFlow({ store, exports, runs });
}
