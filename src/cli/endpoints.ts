import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endpointSettings } from '../config.ts';
import { formatDuration } from '../core/duration.ts';
import { endpointsFrom } from '../outbound/endpoints.ts';
import { webhookSecrets } from '../outbound/secrets.ts';
import { webhookTypes } from '../record/events.ts';
import type { Command } from './command.ts';
import { printJson, table } from './terminal.ts';

export const endpoints: Command = {
  name: 'endpoints',
  summary: 'show where answers go, and the secrets that they are signed with',
  usage: `
signalbox endpoints [--json]

Reads the environment and the data folder (SIGNALBOX_DATA_DIR) of this shell. The secrets are shown nowhere else.
`,
  async run(args, context) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } });
    const config = context.readConfig();
    const endpointOf = endpointsFrom(endpointSettings(config));
    const rows = webhookTypes.map((type) => ({
      type,
      url: endpointOf(type)?.url ?? null,
      schedule: endpointOf(type)?.schedule.map(formatDuration).join(',') ?? null,
    }));
    const made = config.webhookSecrets.length > 0 || existsSync(join(config.dataDir, 'webhook-secret'));
    const secrets = made
      ? webhookSecrets(config.webhookSecrets, config.dataDir).map((one) => one.reveal())
      : [];
    if (values.json) printJson(context, { endpoints: rows, secrets });
    else {
      const cells = rows.map((row) => [row.type, row.url ?? 'not configured', row.schedule ?? '']);
      context.write(table(context, ['type', 'url', 'waits between attempts'], cells));
      context.write(
        `\nSecrets, newest first:\n${secrets.join('\n') || `none yet: the first start makes one in ${config.dataDir}`}\n`,
      );
    }
    return 0;
  },
};
