import { startOptions } from '../start-options.ts';
import type { Command } from './command.ts';

export const start: Command = {
  name: 'start',
  summary: 'start the server (the same as npm start)',
  usage: `
signalbox start [--role gateway|worker|all] [--json]

Starts the server. Everything is set by environment variables: docs/reference/configuration.md lists them.
A gateway takes requests, a worker executes runs; without --role one process does both.
With --json every line of the log is JSON.
`,
  async run(args) {
    startOptions(args);
    const { startServer } = await import('../server.ts');
    await startServer(args);
    return new Promise(() => {});
  },
};
