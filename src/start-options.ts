import { parseArgs } from 'node:util';
import type { Config } from './config/config.ts';
import { roleOf } from './config/execution.ts';

/** What the command line says of the configuration. Throws what `parseArgs` throws, and `config_invalid`. */
export function startOptions(args: readonly string[]): Partial<Config> {
  const options = { json: { type: 'boolean' }, role: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  return {
    ...(values.json === true && { logFormat: 'json' as const }),
    ...(values.role !== undefined && { role: roleOf(values.role) }),
  };
}
