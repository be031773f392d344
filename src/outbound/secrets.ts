import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SignalboxError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';

/** What deliveries are signed with, newest first: the configured ones, or the one that the data folder keeps. */
export function webhookSecrets(configured: readonly Secret[], dataDir: string): readonly Secret[] {
  return configured.length > 0 ? configured : [keptWebhookSecret(dataDir)];
}

/** Standard Webhooks: "between 24 bytes and 64 bytes". */
const keySize = { least: 24, most: 64 };

/** The key of a secret (`whsec_` and base64). Throws `config_invalid` without showing it. */
export function signingKey(secret: Secret): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret.reveal())?.[1] ?? '';
  const key = Buffer.from(encoded, 'base64');
  const isWhole = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (isWhole && key.length >= keySize.least && key.length <= keySize.most) return key;
  throw new SignalboxError(
    'config_invalid',
    `A webhook secret cannot be used: whsec_ and the base64 of ${keySize.least} to ${keySize.most} bytes are expected. Make one with: echo "whsec_$(openssl rand -base64 32)"`,
  );
}

/** The secret of a data folder, written on first use, readable by its owner alone. Throws `config_invalid`, `storage_failed`. */
export function keptWebhookSecret(dataDir: string): Secret {
  const path = join(dataDir, 'webhook-secret');
  try {
    writeNew(path, `whsec_${randomBytes(32).toString('base64')}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw notWritten(path, error);
  }
  const secret = new Secret(readFileSync(path, 'utf8').trim());
  try {
    signingKey(secret);
    return secret;
  } catch (error) {
    throw new SignalboxError(
      'config_invalid',
      `The file ${path} holds no usable secret (whsec_ and the base64 of ${keySize.least} to ${keySize.most} bytes). Restore it, or remove it to have a new one made.`,
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
