import { type Config, environment } from '../config/config.ts';
import { awsCredentials } from '../config/storage.ts';
import type { Secret } from '../core/secret.ts';
import { type Content, createContent, plainContent } from '../encryption/content.ts';
import { parseKeys } from '../encryption/keys.ts';
import { createEnvironmentSecrets } from '../secrets/environment.ts';
import { createFileSecrets } from '../secrets/files.ts';
import type { SecretReference } from '../secrets/reference.ts';

/**
 * What content passes through on its way to the disk and back, with the keys that the configuration names. Throws `config_invalid`,
 * `secret_unavailable`.
 */
export async function openContent(config: Config): Promise<Content> {
  if (config.encryptionKeys === undefined) return plainContent;
  const keys = await secretOf(config.encryptionKeys, config);
  return createContent(parseKeys(keys, 'SIGNALBOX_ENCRYPTION_KEYS'));
}

async function secretOf(reference: SecretReference, config: Config): Promise<Secret> {
  if ('value' in reference) return reference.value;
  const { store, name } = reference;
  if (store === 'environment') return createEnvironmentSecrets(environment()).read(name);
  if (store === 'files') return createFileSecrets().read(name);
  // With the SDK, which is not loaded for nothing.
  const { createSecretsManager } = await import('../secrets/secrets-manager/secrets-manager.ts');
  const credentials = awsCredentials(config);
  const secrets = createSecretsManager({
    ...(config.awsRegion !== undefined && { region: config.awsRegion }),
    ...(credentials && { credentials }),
  });
  try {
    return await secrets.read(name);
  } finally {
    secrets.close();
  }
}
