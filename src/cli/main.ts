import { readConfig } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import { keepFilesPrivate } from '../data-folder.ts';
import type { Command, Context } from './command.ts';
import { runCommand } from './run.ts';

keepFilesPrivate();
const interrupted = new AbortController();
process.once('SIGINT', () => {
  interrupted.abort();
  process.once('SIGINT', () => process.exit(130));
});
// A reader that has gone (`signalbox … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const context: Context = {
  readConfig,
  signal: interrupted.signal,
  columns: process.stdout.columns ?? Number.POSITIVE_INFINITY,
  colours: process.stdout.isTTY === true && process.stdout.hasColors(),
  canOverwrite: process.stderr.isTTY === true && process.stderr.hasColors(),
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
};

/** Loaded when they are used: most start in a few milliseconds. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).start,
  cluster: async () => (await import('./cluster.ts')).cluster,
  ask: async () => (await import('./ask.ts')).ask,
  listen: async () => (await import('./listen.ts')).listen,
  conversations: async () => (await import('./conversations.ts')).conversations,
  export: async () => (await import('./export.ts')).exportCommand,
  'dead-letters': async () => (await import('./dead-letters.ts')).deadLetters,
  health: async () => (await import('./health.ts')).health,
  alarms: async () => (await import('./alarms.ts')).alarms,
  flows: async () => (await import('./flows.ts')).flows,
  trigger: async () => (await import('./trigger.ts')).trigger,
  executions: async () => (await import('./executions.ts')).executions,
  profile: async () => (await import('./profile.ts')).profile,
  runs: async () => (await import('./runs.ts')).runs,
  endpoints: async () => (await import('./endpoints.ts')).endpoints,
  keys: async () => (await import('./keys.ts')).keys,
  audit: async () => (await import('./audit.ts')).audit,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  check: async () => (await import('./check.ts')).check,
  encryption: async () => (await import('./encryption.ts')).encryption,
  rebuild: async () => (await import('./rebuild.ts')).rebuild,
  'migrate-store': async () => (await import('./migrate-store.ts')).migrateStore,
  compact: async () => (await import('./compact.ts')).compact,
  warehouse: async () => (await import('./warehouse-command.ts')).warehouse,
};

process.exitCode = await runCommand(commands, process.argv.slice(2), context).catch((error) => {
  context.writeError(`This was not foreseen: ${messageOf(error)}\n`);
  return 1;
});
