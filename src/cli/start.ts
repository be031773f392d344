import { parseArgs } from 'node:util';
import type { Command } from './command.ts';

export const start: Command = {
  name: 'start',
  summary: 'start the server (the same as npm start)',
  usage: `
signalbox start [--json]

Starts the server. Everything is set by environment variables: docs/reference/configuration.md lists them.
With --json every line of the log is JSON.
`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
    const { startServer } = await import('../server.ts');
    await startServer(values.json === true ? { logFormat: 'json' } : {});
    return new Promise(() => {});
  },
};
