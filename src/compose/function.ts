import { existsSync } from 'node:fs';
import type { Agent } from '../agents/agent.ts';
import type { Config } from '../config/config.ts';
import { lambdaSettings } from '../config/lambda.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { makeDataFolder } from '../data-folder.ts';
import type { Worker } from '../engine/lambda/worker.ts';
import type { Log } from '../observe/log.ts';
import { openContent } from './encryption.ts';
import { createErasing } from './erasing.ts';
import { openFlows } from './flows.ts';
import { openLambdaParts } from './lambda.ts';
import { openObjects } from './objects.ts';
import { createMetrics, engineLines, openWatching } from './observe.ts';
import { openRecord } from './record.ts';

/** What AWS Lambda executes. */
export interface SignalboxFunction {
  /** The handler of the durable function. */
  readonly handle: Worker['handle'];
  /** For tests; in Lambda nobody says that a process ends. */
  close(): Promise<void>;
}

/** The side of the function: what executes runs that gateways start. Without another agent the analyst answers. */
export async function composeFunction(config: Config, log: Log, agent?: Agent): Promise<SignalboxFunction> {
  lambdaSettings(config);
  openDataFolder(config);
  const content = await openContent(config);
  const { objects, exports, close: closeObjects } = await openObjects(config, log, content);
  const record = await openRecord(config, log, content);
  const { store, live } = record;
  const metrics = createMetrics(config, log, live);
  const watching = await openWatching(config, log, metrics);
  const parts = { log, store, exports, metrics, watching, agent };
  const { flows, close } = openFlows(config, { ...parts, executes: true });
  const [{ api, records }, { Worker: LambdaWorker }, { LambdaEngine }] = await Promise.all([
    openLambdaParts(config, record),
    import('../engine/lambda/worker.ts'),
    import('../engine/lambda/engine.ts'),
  ]);
  // What erases looks at other runs, and forgets them.
  const erasing = createErasing({ store, objects, exports, engine: () => engine });
  const shared = { api, records, objects, flows: [...Object.values(flows), erasing.flow] };
  const engine = new LambdaEngine({ ...shared, appendFacts: store.append });
  const worker = new LambdaWorker({ ...shared, appendFacts: store.append, observer: engineLines(log) });
  return {
    // Lambda stops the process between two invocations.
    handle: (event, context) =>
      worker.handle(event, context).finally(async () => {
        log.flush();
        await watching.traces?.flush(500);
      }),
    close: async () => {
      worker.stop();
      await engine.stop(0);
      await close();
      await record.close();
      closeObjects();
    },
  };
}

/** With the warehouse in it, it may be read-only, as the code of a function is. */
function openDataFolder({ dataDir }: Config): void {
  if (existsSync(dataDir)) return;
  try {
    makeDataFolder(dataDir);
  } catch (error) {
    throw new SignalboxError(
      'config_invalid',
      `SIGNALBOX_DATA_DIR is ${dataDir}, which can be neither found nor made: ${messageOf(error)}. Set it to the folder of the package with the warehouse, or to one below /tmp.`,
      { cause: error },
    );
  }
}
