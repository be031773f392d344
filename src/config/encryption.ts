import { parseReference, referenceForms, type SecretReference } from '../secrets/reference.ts';
import { optional } from './setting.ts';

/** What keeps content from being read where it lies. */
export const encryptionSettings = {
  encryptionKeys: optional<SecretReference>({
    variable: 'SIGNALBOX_ENCRYPTION_KEYS',
    about:
      'What questions, answers, arguments and results are encrypted with in the data folder and in PostgreSQL: newest first, older ones for what is still under them. `plain` in the first place encrypts nothing more. docs/reference/encryption.md has the whole of it.',
    expects: `comma-separated keys, each the base64 of 32 random bytes; or where they are: ${referenceForms}`,
    secret: true,
    parse: parseReference,
  }),
} as const;
