import {
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { SignalboxError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import { type Secrets, secretOf } from '../secrets.ts';
import { asFailure } from './failure.ts';

export interface SecretsManagerOptions {
  /** For tests, and for endpoints of a private network. Default: where AWS is, or what `AWS_ENDPOINT_URL_SECRETS_MANAGER` says. */
  readonly endpoint?: string;
  /** Default: what the environment, the profile or the machine says. */
  readonly region?: string;
  /** Default: the chain of AWS (environment, profile, web identity, container, machine). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: Secret;
    readonly sessionToken?: Secret;
  };
  /** For one answer. Default 10,000. */
  readonly answerMs?: number;
}

/** Attempts of one request in all; between them up to 0.1, 0.2, 0.4, 0.8 s, longer when AWS says that it is too much. */
const maxAttempts = 5;

export interface SecretsManager extends Secrets {
  close(): void;
}

/**
 * Secrets in AWS Secrets Manager, as they are now (AWSCURRENT). A name is the name or ARN of a secret; with `#field` it is one
 * field of a secret that is a JSON object, as the console of AWS makes them.
 */
export function createSecretsManager(options: SecretsManagerOptions = {}): SecretsManager {
  const client = new SecretsManagerClient(configOf(options));
  return {
    async read(name) {
      const [id, field] = partsOf(name);
      const where = `The secret ${name} of AWS Secrets Manager`;
      try {
        const text = textOf(await client.send(new GetSecretValueCommand({ SecretId: id })));
        return secretOf(field === undefined ? text : fieldOf(text, field, where), where);
      } catch (error) {
        throw asFailure(error, where);
      }
    },
    close: () => client.destroy(),
  };
}

function configOf({ endpoint, region, credentials, answerMs = 10_000 }: SecretsManagerOptions) {
  const config: SecretsManagerClientConfig = {
    maxAttempts,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: Math.min(3_000, answerMs),
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    ...(credentials && {
      credentials: {
        accessKeyId: credentials.accessKeyId,
        secretAccessKey: credentials.secretAccessKey.reveal(),
        ...(credentials.sessionToken && { sessionToken: credentials.sessionToken.reveal() }),
      },
    }),
  };
  return config;
}

/** Names of secrets have letters, digits and /_+=.@- alone, so that # begins no part of one. */
function partsOf(name: string): [string, string | undefined] {
  const at = name.indexOf('#');
  return at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
}

function textOf({ SecretString, SecretBinary }: GetSecretValueCommandOutput): string {
  return SecretString ?? Buffer.from(SecretBinary ?? []).toString('utf8');
}

function fieldOf(text: string, field: string, where: string): string {
  const value = parsed(text)?.[field];
  if (typeof value === 'string') return value;
  throw new SignalboxError(
    'config_invalid',
    `${where} is no JSON object with the text ${JSON.stringify(field)}. Correct what stands behind #, or leave it out where the secret is the text itself.`,
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
