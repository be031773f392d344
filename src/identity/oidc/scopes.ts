import { type Scope, scopes } from '../../core/api-keys.ts';

/** Whose claim has the value has the scope. */
export interface ScopeRule {
  readonly scope: Scope;
  /** The name of a claim, such as `cognito:groups`. */
  readonly claim: string;
  readonly value: string;
}

/**
 * Reads comma-separated `scope=claim=value`, such as `admin=cognito:groups=ops-admins`. A claim's name may be a URL. Undefined for
 * what can't be read.
 */
export function parseScopeRules(text: string): readonly ScopeRule[] | undefined {
  const entries = text.split(',').map((entry) => entry.trim());
  const rules = entries.filter((entry) => entry !== '').map(parseRule);
  return rules.every((rule) => rule !== undefined) ? (rules as ScopeRule[]) : undefined;
}

function parseRule(entry: string): ScopeRule | undefined {
  const match = /^([a-z]+)=(.{1,256})=([^=]{1,256})$/.exec(entry);
  const scope = scopes.find((one) => one === match?.[1]);
  return match === null || scope === undefined ? undefined : { scope, claim: match[2]!, value: match[3]! };
}

/** A claim is a text, a list of texts, or, for `scope`, words with spaces between (RFC 8693, section 4.2). */
function valuesOf(claim: unknown, name: string): readonly unknown[] {
  if (Array.isArray(claim)) return claim;
  if (typeof claim !== 'string') return [];
  return name === 'scope' || name === 'scp' ? claim.split(' ') : [claim];
}

/** What the claims of a verified token allow. Without rules: `signalbox:read` or `signalbox/read` in `scope`, and so on. */
export function scopesOf(claims: Readonly<Record<string, unknown>>, rules: readonly ScopeRule[]): Scope[] {
  const used = rules.length > 0 ? rules : usualRules;
  const held = used.filter(
    ({ claim, value }) => Object.hasOwn(claims, claim) && valuesOf(claims[claim], claim).includes(value),
  );
  return scopes.filter((scope) => held.some((rule) => rule.scope === scope));
}

/** Cognito writes `<resource server>/<scope>`. */
const usualRules = scopes.flatMap((scope) =>
  [`signalbox:${scope}`, `signalbox/${scope}`].map((value) => ({ scope, claim: 'scope', value })),
);
