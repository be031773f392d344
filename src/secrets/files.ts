import { readFile, stat } from 'node:fs/promises';
import { messageOf, SignalboxError } from '../core/errors.ts';
import { type Secrets, secretLimitBytes, secretOf } from './secrets.ts';

/** Secrets in files by their paths, as Docker, Kubernetes and systemd put them there. */
export function createFileSecrets(): Secrets {
  return {
    async read(path) {
      return secretOf(await textOf(path), `The file ${path}`);
    },
  };
}

async function textOf(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    // Not to be read whole before it is refused.
    return size > secretLimitBytes * 2 ? ' '.repeat(secretLimitBytes + 1) : await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file; correct the path, or mount the secret there',
  EACCES: 'Allow the user of this process to read it',
  EISDIR: 'It is a folder; name the file in it',
};

function unreadable(path: string, error: unknown): SignalboxError {
  const next = advice[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
  return new SignalboxError(
    'config_invalid',
    `The file ${path}, which a secret is read from, cannot be read. ${next}.`,
    {
      cause: error,
    },
  );
}
