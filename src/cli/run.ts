import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { version } from '../version.ts';
import { type Command, type Context, UsageError } from './command.ts';

export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/** Finds the command and runs it. Exit codes: 0 done, 1 failed, 2 not understood, 130 interrupted. */
export async function runCommand(
  commands: Commands,
  args: readonly string[],
  context: Context,
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    context.write(await overview(commands));
    return 0;
  }
  if (name === '--version') {
    context.write(`${version}\n`);
    return 0;
  }
  const command = await commands[name]?.();
  if (command === undefined) return unknown(commands, name, context);
  if (rest.includes('--help') || rest.includes('-h')) {
    context.write(`${command.usage.trim()}\n`);
    return 0;
  }
  return runOne(command, rest, context);
}

async function runOne(command: Command, args: readonly string[], context: Context): Promise<number> {
  try {
    return await command.run(args, context);
  } catch (error) {
    if (context.signal.aborted) return 130;
    if (error instanceof UsageError || isParseError(error)) {
      context.writeError(`${(error as Error).message}\n\n${command.usage.trim()}\n`);
      return 2;
    }
    if (!(error instanceof SignalboxError)) throw error;
    const { code, message } = error;
    if (args.includes('--json'))
      context.write(`${JSON.stringify({ success: false, code, detail: message })}\n`);
    else context.writeError(`${message}\n`);
    return 1;
  }
}

/** What `parseArgs` throws at options that it does not know. */
function isParseError(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
}

async function overview(commands: Commands): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = all.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`);
  return `Signalbox ${version}: AI agents behind webhooks, every answer delivered.

signalbox COMMAND [OPTIONS]

${lines.join('\n')}

  --help after a command says more; --json makes any command print JSON.
`;
}

function unknown(commands: Commands, name: string, context: Context): number {
  const suggestion = nearest(name, Object.keys(commands));
  const advice = suggestion === undefined ? 'See: signalbox --help' : `Did you mean: signalbox ${suggestion}`;
  context.writeError(`There is no command ${JSON.stringify(name)}. ${advice}\n`);
  return 2;
}
