import { isAbsolute } from 'node:path';
import { Secret } from '../core/secret.ts';

/** Where a secret is, by the store that has it; or the secret itself. */
export type SecretReference =
  | { readonly store: 'environment' | 'files' | 'aws'; readonly name: string }
  | { readonly value: Secret };

const stores = { 'env:': 'environment', 'file:': 'files', 'aws:': 'aws' } as const;

/** How a reference is written, for settings that take one. */
export const referenceForms =
  '`env:` and the name of a variable, `file:` and the path of a file, or `aws:` and the name or ARN of a secret in AWS Secrets Manager (`#field` behind it for one field of JSON)';

const names: Readonly<Record<'environment' | 'files' | 'aws', (name: string) => boolean>> = {
  environment: (name) => /^[A-Za-z_]\w*$/.test(name),
  files: isAbsolute,
  aws: (name) => /^[\w/+=.@:-]{1,2048}(#.{1,256})?$/.test(name),
};

/** Undefined for a reference that can't be one. Whatever is none is the secret itself. */
export function parseReference(text: string): SecretReference | undefined {
  for (const [prefix, store] of Object.entries(stores)) {
    if (!text.startsWith(prefix)) continue;
    const name = text.slice(prefix.length);
    return names[store](name) ? { store, name } : undefined;
  }
  return { value: new Secret(text) };
}
