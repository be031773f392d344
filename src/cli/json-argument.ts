import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { UsageError } from './command.ts';

/** JSON as an argument: itself, a file after `@`, or `-` for standard input. Throws `UsageError` that names the option. */
export async function readJson(argument: string, option: string): Promise<Json> {
  const [content, from] = await contentOf(argument, option);
  try {
    return JSON.parse(content) as Json;
  } catch (error) {
    throw new UsageError(`${option}: ${from} is not JSON: ${messageOf(error)}.`);
  }
}

async function contentOf(argument: string, option: string): Promise<[content: string, from: string]> {
  if (argument === '-') return [await text(process.stdin), 'standard input'];
  if (!argument.startsWith('@')) return [argument, 'what was given'];
  const path = argument.slice(1);
  try {
    return [await readFile(path, 'utf8'), path];
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${messageOf(error)}.`);
  }
}
