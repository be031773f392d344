import { messageOf, SignalboxError } from '../../core/errors.ts';

/**
 * What no further attempt mends, by the names of the errors of GetSecretValue
 * (docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html, and CommonErrors).
 */
const advice: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'Create it, or correct its name, the region or the account.',
  AccessDeniedException: 'Allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key.',
  DecryptionFailure: 'Allow kms:Decrypt on its key, and see that the key is enabled.',
  InvalidRequestException: 'It may be marked for deletion: restore it, or name another one.',
  InvalidParameterException: 'Correct its name.',
  ValidationException: 'Correct its name.',
  UnrecognizedClientException: 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  InvalidClientTokenId: 'Check AWS_ACCESS_KEY_ID.',
  InvalidSignatureException: 'Check AWS_SECRET_ACCESS_KEY, and the clock of this machine.',
  SignatureDoesNotMatch: 'Check AWS_SECRET_ACCESS_KEY.',
  ExpiredTokenException: 'Renew the credentials.',
  CredentialsProviderError: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role.',
};

export function asFailure(error: unknown, where: string): SignalboxError {
  if (error instanceof SignalboxError) return error;
  const name = error instanceof Error ? error.name : 'Error';
  const isRegion = /region is missing/i.test(messageOf(error));
  const next = isRegion ? 'Set AWS_REGION.' : advice[name];
  const message = `${where} could not be read: ${name}: ${messageOf(error)}${tries(error)}. `.replace(
    '.. ',
    '. ',
  );
  return next === undefined
    ? new SignalboxError('secret_unavailable', `${message}Check the way to AWS, and start again.`, {
        cause: error,
      })
    : new SignalboxError('config_invalid', `${message}${next}`, { cause: error });
}

/** Errors of the connection carry the count as well. */
function tries(error: unknown): string {
  const { attempts = 1 } = (error as { $metadata?: { attempts?: number } }).$metadata ?? {};
  return attempts > 1 ? `, after ${attempts} attempts` : '';
}
