/** What is taken out of texts before they are logged or exported. */
export const redactions = ['secrets', 'email', 'phone'] as const;
export type Redaction = (typeof redactions)[number];

export const redactedText = '[redacted]';

export interface Shape {
  /** What is in each text that has one: looking for it costs a fiftieth of the pattern. */
  readonly marker: string;
  readonly pattern: RegExp;
  /** What takes its place. Default: `redactedText`. */
  readonly by?: string;
}

const shape = (marker: string, pattern: RegExp): Shape => ({ marker, pattern });

const bearer = /(?<=\bbearer[ \t]{1,8})[\w.~+/=-]{16,}/gi;
const basic = /(?<=\bbasic[ \t]{1,8})[A-Za-z0-9+/=]{12,}/gi;

const secretName =
  '(?:password|passwd|passphrase|pwd|secret|client_secret|secret_key|private_key|api_?key|auth_token|access_token|refresh_token|id_token|session_token|token|aws_secret_access_key|SecretAccessKey|SessionToken|AccountKey|SharedAccessKey)';

/**
 * Secrets by the shapes that their issuers document, so that a finding is one, and what stands after a name that says so. What has neither
 * (a password in a sentence) is found by no pattern: name its field. None backtracks further than a few hundred characters, and JSON stays JSON.
 */
const secrets: readonly Shape[] = [
  // Private keys in PEM (RFC 7468) and OpenPGP, in JSON with \n as two characters; one that was cut off has no end.
  shape(
    'PRIVATE KEY',
    /-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?:(?:[^"-]|-(?!----)){0,16384}-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|(?:\\[rn]|[\w+/=\r\n-])*)/g,
  ),
  // JSON web tokens (RFC 7519): header and payload begin with {".
  shape('eyJ', /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?/g),
  // Keys of our own; Standard Webhooks; Stripe; OpenAI, Anthropic and others that begin with sk-.
  shape('sb_', /\bsb_[a-z0-9]{8}_[\w-]{20,}/g),
  shape('whs', /\bwhs(?:ec|k)_[A-Za-z0-9+/=_-]{16,}/g),
  shape('k_', /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g),
  shape('sk-', /\bsk-[A-Za-z0-9_-]{20,}/g),
  // GitHub, GitLab, Slack (its addresses too), npm, PyPI, Google, AWS access key ids, Hugging Face, SendGrid, Shopify, Telegram.
  shape('gh', /\bgh[pousr]_[A-Za-z0-9]{30,}/g),
  shape('github_pat_', /\bgithub_pat_\w{30,}/g),
  shape('gl', /\bgl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent)-[\w.-]{20,}/g),
  shape('xox', /\bxox[abceoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}/g),
  shape('xapp-', /\bxapp-[A-Za-z0-9-]{10,}/g),
  shape('hooks.slack.com/', /(?<=hooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]{10,}/g),
  shape('npm_', /\bnpm_[A-Za-z0-9]{30,}/g),
  shape('pypi-', /\bpypi-[\w-]{50,}/g),
  shape('AIza', /\bAIza[\w-]{35}/g),
  shape('ya29.', /\bya29\.[\w-]{20,}/g),
  shape('GOCSPX-', /\bGOCSPX-[\w-]{20,}/g),
  shape('AKIA', /\bAKIA[A-Z0-9]{16}\b/g),
  shape('ASIA', /\bASIA[A-Z0-9]{16}\b/g),
  shape('hf_', /\bhf_[A-Za-z0-9]{30,}/g),
  shape('SG.', /\bSG\.[\w-]{16,}\.[\w-]{16,}/g),
  shape('shp', /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/g),
  shape(':AA', /\b\d{8,10}:AA[\w-]{33}/g),
  // Credentials in a header, whose scheme is written in any case (RFC 9110, section 11.1), or in a URL, as far as its last @.
  shape('earer', bearer),
  shape('EARER', bearer),
  shape('asic', basic),
  shape('ASIC', basic),
  shape('://', /(?<=:\/\/)[^\s/@:"']{0,256}:[^\s/"']{1,256}(?=@)/g),
  shape('://', /(?<=:\/\/)[^\s/@:"']{16,256}(?=@)/g),
  // After a name: in a query or a form, in JSON, in a sentence (where it has a digit).
  {
    marker: '=',
    pattern: new RegExp(
      `\\b(${secretName}|sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=[^\\s"'&;,\\\\]{6,2048}`,
      'gi',
    ),
    by: `$1=${redactedText}`,
  },
  {
    marker: '":',
    pattern: new RegExp(`\\b(${secretName}\\\\?"\\s{0,2}:\\s{0,2}\\\\?")[^"\\\\]{1,2048}(?=\\\\?")`, 'gi'),
    by: `$1${redactedText}`,
  },
  {
    marker: ': ',
    pattern: new RegExp(`\\b(${secretName}: )(?=[^\\s"'\\\\]{0,64}\\d)[^\\s"'\\\\]{8,2048}`, 'gi'),
    by: `$1${redactedText}`,
  },
];

/** Names of fields whose text is a secret, whatever it looks like. */
const secretField = new RegExp(`^(?:${secretName}|authorization|cookie)$`, 'i');
export const isSecretField = (name: string): boolean => secretField.test(name);

const emails: readonly Shape[] = [
  // The last label is of letters: pkg@1.2.3 is no address.
  shape(
    '@',
    /(?<![\p{L}\p{N}_.%+-])[\p{L}\p{N}_.%+-]{1,256}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}(?:xn--[A-Za-z0-9-]{1,59}|\p{L}{2,63})(?![\p{L}\p{N}])/gu,
  ),
];

/** International with +, or the North American form with separators: bare digits are more often something else. */
const phones: readonly Shape[] = [
  shape('+', /(?<![\w+])\+[1-9](?:[\s().\u2010-\u2015/-]{0,3}\d){7,14}(?!\d)/g),
  shape('', /(?<![\w.-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])\d{3}[-.]\d{4}(?![\w-]|\.\d)/g),
];

export const redactionShapes: Readonly<Record<Redaction, readonly Shape[]>> = {
  secrets,
  email: emails,
  phone: phones,
};
