import { readFileSync } from 'node:fs';
import { type Config, environment } from '../config/config.ts';
import { messageOf, SignalboxError } from '../core/errors.ts';
import type { Source } from '../inbound/source.ts';
import { parseSourcesFile } from '../inbound/sources-file.ts';

/** The sources of the file that `SIGNALBOX_SOURCES` names; none without one. Throws `config_invalid`. */
export function readSources({ sourcesFile: path }: Config): readonly Source[] {
  if (path === undefined) return [];
  const variables = environment();
  return parseSourcesFile(path, bytesOf(path), {
    variable: (name) => variables[name],
    file: (secret) => readFileSync(secret, 'utf8'),
  });
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new SignalboxError(
      'config_invalid',
      `SIGNALBOX_SOURCES is ${path}, which cannot be read: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
