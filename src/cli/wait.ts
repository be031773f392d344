import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Context } from './command.ts';
import type { Row } from './rows.ts';

/**
 * Asks the server how far it is, every half a second, until `progressOf` has nothing more to say of the answer; each change of what it says is a line. Resolves with the
 * last answer.
 */
export async function untilDone(
  client: Client,
  context: Context,
  path: string,
  progressOf: (answer: Row) => string | undefined,
): Promise<Row> {
  for (let told = ''; ; ) {
    const answer = await client.call('GET', path);
    const line = progressOf(answer);
    if (line === undefined) return answer;
    if (line !== told) context.writeError(`${line}\n`);
    told = line;
    await pause(500, undefined, { signal: context.signal });
  }
}
