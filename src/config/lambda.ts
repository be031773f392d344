import { SignalboxError } from '../core/errors.ts';
import type { Config } from './config.ts';
import { postgresSettings } from './execution.ts';

export interface LambdaSettings {
  /** Name or ARN. */
  readonly functionName: string;
  /** Version or alias. */
  readonly qualifier: string;
}

/** Which durable function executes the runs. Throws `config_invalid` for what is missing of what gateways and function share. */
export function lambdaSettings(config: Config): LambdaSettings {
  const { engine, lambdaFunction, objectsUrl, objectsDir, webhookSecrets } = config;
  if (engine !== 'lambda') {
    throw invalid(`SIGNALBOX_ENGINE is ${engine}, and this is the function of Lambda. Set it to lambda.`);
  }
  if (lambdaFunction === undefined) {
    throw missing('SIGNALBOX_LAMBDA_FUNCTION', 'is the function, with its version or alias: signalbox:live');
  }
  if (postgresSettings(config) === undefined) {
    throw missing('DATABASE_URL', 'is the PostgreSQL that gateways and the function keep the record in');
  }
  if (objectsUrl === undefined && objectsDir === undefined) {
    throw missing(
      'SIGNALBOX_OBJECTS_URL',
      'is the bucket with the large values of runs, for gateways and the function: s3://bucket/signalbox',
    );
  }
  if (webhookSecrets.length === 0) {
    throw missing('SIGNALBOX_WEBHOOK_SECRETS', 'is what the function signs with, which keeps no files');
  }
  const at = lambdaFunction.lastIndexOf(':');
  return { functionName: lambdaFunction.slice(0, at), qualifier: lambdaFunction.slice(at + 1) };
}

const missing = (variable: string, what: string) =>
  invalid(`SIGNALBOX_ENGINE is lambda, and ${variable} is not set, which ${what}.`);

const invalid = (message: string) => new SignalboxError('config_invalid', message);
