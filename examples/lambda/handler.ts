import { composeFunction } from '../../src/compose/function.ts';
import { readConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observe/log.ts';

/**
 * The durable function of AWS Lambda that executes the flows which gateways start (`SIGNALBOX_ENGINE=lambda`). It takes the same
 * variables as they do; docs/reference/engines.md says which. Lambda calls `handler`.
 */
const config = readConfig();
const log = createLog({ level: config.logLevel, format: 'json' });

/** `close` is for who runs it elsewhere; Lambda says to nobody that it ends. */
export const { handle: handler, close } = await composeFunction(config, log);
