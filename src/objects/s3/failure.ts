import { S3ServiceException } from '@aws-sdk/client-s3';
import { messageOf, SignalboxError } from '../../core/errors.ts';

/** What S3 and stores like it say, by the names of their errors. */
const advice: Readonly<Record<string, string>> = {
  AccessDenied:
    'Allow s3:PutObject, s3:GetObject, s3:DeleteObject and s3:AbortMultipartUpload on the objects, s3:ListBucket on the bucket, and with a KMS key kms:GenerateDataKey and kms:Decrypt.',
  NoSuchBucket:
    'Create the bucket, or correct its name in SIGNALBOX_OBJECTS_URL or CONVERSATION_EXPORT_S3_BUCKET.',
  PermanentRedirect: 'Set AWS_REGION to the region of the bucket.',
  AuthorizationHeaderMalformed: 'Set AWS_REGION to the region of the bucket.',
  InvalidAccessKeyId: 'Check AWS_ACCESS_KEY_ID.',
  SignatureDoesNotMatch: 'Check AWS_SECRET_ACCESS_KEY.',
  ExpiredToken: 'Renew the credentials.',
  CredentialsProviderError: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role.',
  NotImplemented: 'The store at SIGNALBOX_S3_ENDPOINT cannot do what is needed.',
};

/** What no further attempt mends: the configuration has to change. */
export function isConfiguration(error: unknown): boolean {
  return advice[nameOf(error)] !== undefined || /region is missing/i.test(messageOf(error));
}

export function asFailure(error: unknown, location: string, done: string): SignalboxError {
  if (error instanceof SignalboxError) return error;
  const attempts = attemptsOf(error);
  const tried = attempts > 1 ? `, after ${attempts} attempts` : '';
  const next = advice[nameOf(error)] ?? 'Check the store of objects and the way to it.';
  const message = `The object ${location} could not be ${done}: ${nameOf(error)}: ${messageOf(error)}${tried}. ${next}`;
  return new SignalboxError('storage_failed', message, { cause: error });
}

/** What was expected is not there: another object (412), or none (404 of a condition). */
export const isConditionFailed = (error: unknown): boolean =>
  statusOf(error) === 412 || (nameOf(error) === 'NoSuchKey' && statusOf(error) === 404);

/** Two conditional writes at the same time, of which S3 lets neither through or one; the other may try again. */
export const isSimultaneous = (error: unknown): boolean => statusOf(error) === 409;

/** Whether an earlier attempt may have done what this one says can't be done. */
export const isRepetition = (error: unknown): boolean => attemptsOf(error) > 1;

/** An upload that is not there (any more): completed by an attempt whose answer was lost, perhaps. */
export const isUploadGone = (error: unknown): boolean => nameOf(error) === 'NoSuchUpload';

export const isMissing = (error: unknown): boolean => ['NoSuchKey', 'NotFound'].includes(nameOf(error));

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'Error');

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/** Errors of the connection carry the count as well. */
function attemptsOf(error: unknown): number {
  const { $metadata } = error as { $metadata?: { attempts?: number } };
  return $metadata?.attempts ?? 1;
}
