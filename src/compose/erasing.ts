import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Engine } from '../engine/engine.ts';
import { endedFamily, type ForgetRuns, forgetValues } from '../engine/forget.ts';
import { createEraseFlow, type EraseFlow } from '../flows/erase.ts';
import { eraseAgain } from '../flows/erase-again.ts';
import { createErasureLog, type ErasureLog } from '../flows/erasure-log.ts';
import type { Objects } from '../objects/objects.ts';
import type { Log } from '../observe/log.ts';
import { restoredName } from '../sqlite/restore.ts';
import type { Store } from '../store/store.ts';

export interface EraseParts {
  readonly store: Store;
  readonly objects: Objects;
  readonly exports: Objects;
  /** The engine runs the flow, so it is there only after it. */
  readonly engine: () => Pick<Engine, 'get' | 'history'> & { readonly forgetRuns: ForgetRuns };
}

export interface Erasing {
  readonly flow: EraseFlow;
  readonly erasures: ErasureLog;
}

/** The flow that erases, over whichever engine there is, and what it notes. */
export function createErasing({ store, objects, exports, engine }: EraseParts): Erasing {
  const runs = {
    family: (runId: string) => endedFamily(engine(), runId),
    async forget(runIds: readonly string[]) {
      // The journal says which they are, so it goes last.
      await forgetValues(objects, runIds);
      await engine().forgetRuns(runIds);
    },
  };
  const erasures = createErasureLog(objects);
  return { flow: createEraseFlow({ store, exports, runs, erasures }), erasures };
}

const tryAgainMs = 60_000;

/** After a restore: what was erased since the backup is erased again. What can't be done now is tried again until it can. */
export function eraseAfterRestore(
  { dataDir }: Config,
  log: Log,
  { flow, erasures }: Erasing,
  parts: { readonly store: Store; readonly engine: Engine },
): { begin(): void; rest(): void } {
  const restored = join(dataDir, restoredName);
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    if (!existsSync(restored)) return;
    eraseAgain({ ...parts, eraseFlow: flow, erasures }, 'restore').then(
      (count) => {
        rmSync(restored, { force: true });
        if (count > 0)
          log.warning(`${count} conversations that had been erased were restored, and are erased again.`);
      },
      (error) => {
        log.failed(
          'What had been erased before the restore could not be erased again; it is tried again',
          error,
        );
        timer = setTimeout(begin, tryAgainMs).unref();
      },
    );
  };
  return { begin, rest: () => clearTimeout(timer) };
}
