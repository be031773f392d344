import { SignalboxError } from '../core/errors.ts';
import { type Secrets, secretOf } from './secrets.ts';

/** Secrets in variables of the environment. */
export function createEnvironmentSecrets(environment: Readonly<Record<string, string | undefined>>): Secrets {
  return {
    async read(name) {
      const text = environment[name];
      if (text !== undefined) return secretOf(text, `The variable ${name}`);
      throw new SignalboxError(
        'config_invalid',
        `The variable ${name}, which a secret is read from, is not set.`,
      );
    },
  };
}
