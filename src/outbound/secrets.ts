import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { SignalboxError } from '../core/errors.ts';

/** Keys to sign with, newest first. They print as `[redacted]`. */
export class WebhookSecrets {
  readonly #keys: readonly Buffer[];

  constructor(keys: readonly Buffer[]) {
    this.#keys = keys;
  }

  /** The bytes, for signing alone. */
  keys(): readonly Buffer[] {
    return this.#keys;
  }

  /** The texts, for the command that shows them to their owner. */
  reveal(): string[] {
    return this.#keys.map((key) => `whsec_${key.toString('base64')}`);
  }

  toJSON(): string {
    return '[redacted]';
  }

  toString(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}

/** Standard Webhooks: "between 24 bytes and 64 bytes". */
const keySizes = { least: 24, most: 64 };

/**
 * Reads `whsec_` + base64, comma separated, newest first. Throws `config_invalid` that names the place and never the value.
 */
export function parseWebhookSecrets(text: string): WebhookSecrets {
  const parts = text.split(',').map((part) => part.trim());
  return new WebhookSecrets(parts.map((part, index) => parseSecret(part, index + 1, parts.length)));
}

function parseSecret(text: string, place: number, count: number): Buffer {
  const which = count === 1 ? 'The secret' : `Secret ${place} of ${count}`;
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
  if (encoded === undefined) {
    throw unusable(`${which} in SIGNALBOX_WEBHOOK_SECRETS is not whsec_ followed by base64`);
  }
  const key = Buffer.from(encoded, 'base64');
  if (key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) {
    throw unusable(`${which} in SIGNALBOX_WEBHOOK_SECRETS is cut off or is not base64`);
  }
  if (key.length < keySizes.least || key.length > keySizes.most) {
    throw unusable(
      `${which} in SIGNALBOX_WEBHOOK_SECRETS has ${key.length} bytes; ${keySizes.least} to ${keySizes.most} are expected`,
    );
  }
  return key;
}

function unusable(what: string): SignalboxError {
  return new SignalboxError(
    'config_invalid',
    `${what}. Write one with: echo "whsec_$(openssl rand -base64 32)"`,
  );
}

/** The secret of a data folder, written on first use, readable by its owner alone. Throws `config_invalid`, `storage_failed`. */
export function keptWebhookSecret(dataDir: string): WebhookSecrets {
  const path = join(dataDir, 'webhook-secret');
  try {
    writeNew(path, `whsec_${randomBytes(32).toString('base64')}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritten(path, error);
  }
  try {
    return parseWebhookSecrets(readFileSync(path, 'utf8').trim());
  } catch (error) {
    throw new SignalboxError(
      'config_invalid',
      `The file ${path} holds no usable secret (whsec_ and base64 of ${keySizes.least} to ${keySizes.most} bytes). Restore it, or remove it to have a new one written.`,
      { cause: error },
    );
  }
}

function writeNew(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function notWritten(path: string, cause: unknown): SignalboxError {
  return new SignalboxError(
    'storage_failed',
    `The file ${path} could not be written. Check the permissions of the folder.`,
    { cause },
  );
}
