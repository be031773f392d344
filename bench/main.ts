import { measureAccept } from './accept/accept.ts';
import { measurePrice } from './cluster/price.ts';
import { measureWaitingOnRestate } from './cluster/waiting.ts';
import { measureWorkers } from './cluster/workers.ts';
import { measureConversations } from './conversations/conversations.ts';
import { compareEngines } from './engine/compare.ts';
import { measureFsyncMs } from './fsync.ts';
import { type Options, type Part, readOptions, usage } from './options.ts';
import { prepareData } from './process/signalbox.ts';
import { measurePostgresRecord } from './record/postgres.ts';
import { measureRecord } from './record/record.ts';
import { type Results, report } from './report.ts';
import { measureScale } from './scale/scale.ts';
import { measureTimers } from './timers/timers.ts';

/** Measures what docs/reference/performance.md describes and prints it; exits when all it started has ended. */

const options = parsedOptions();
const results = await measureAll(options);
console.log(options.json ? JSON.stringify(results, null, 2) : `\n${report(results)}\n`);
process.exit();

function parsedOptions(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${usage}`);
    process.exit(2);
  }
}

async function measureAll({ only, seconds, conversations, folder }: Options): Promise<Results> {
  const durationMs = seconds * 1_000;
  const fsyncMs = measureFsyncMs();
  const needsServer = only.some((part) => part === 'accept' || part === 'conversations');
  const data = needsServer ? await prepareData() : '';
  const measure = async <R>(part: Part, work: () => Promise<R>) => {
    if (!only.includes(part)) return {};
    console.error(`Measuring ${part}…`);
    return { [part]: await work() };
  };
  return {
    fsyncMs,
    ...(await measure('accept', () => measureAccept(durationMs, data))),
    ...(await measure('engine', () => compareEngines(durationMs))),
    ...(await measure('conversations', () => measureConversations(durationMs, data))),
    ...(await measure('timers', measureTimers)),
    ...(await measure('scale', measureScale)),
    ...(await measure('cluster', async () => ({
      price: await measurePrice(durationMs),
      workers: await measureWorkers(durationMs),
    }))),
    ...(await measure('waiting', measureWaitingOnRestate)),
    ...(await measure('record', () => measureRecord({ conversations, folder }))),
    ...(await measure('record-postgres', () => measurePostgresRecord({ conversations, folder }))),
  };
}
