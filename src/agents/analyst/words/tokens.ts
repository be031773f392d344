/** Cuts text into words the way that questions and names in the data are compared: small letters, no accents, no punctuation. */

export interface Token {
  /** As compared: "Müller's" gives "muller". */
  readonly word: string;
  /** `word` without its plural ending. */
  readonly stem: string;
  /** As it was written. */
  readonly raw: string;
}

/** Questions are at most 10,000 characters; words beyond this many are not read, so that time stays bounded. */
const maxTokens = 400;

const pattern =
  /\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{4}-\d{2}(?!\d)|\d+(?:,\d{3})+(?:\.\d+)?[a-z%]*|\d+(?:\.\d+)?[\p{L}%]*|\p{L}[\p{L}\p{N}\p{M}]*(?:['’][\p{L}]+)*/gu;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(pattern)) {
    if (tokens.length === maxTokens) break;
    tokens.push(tokenOf(match[0]));
  }
  return tokens;
}

function tokenOf(raw: string): Token {
  const word = fold(raw);
  return { word, stem: stem(word), raw };
}

/** Small letters without accents, possessive s and apostrophes. */
function fold(raw: string): string {
  const lower = raw.toLowerCase();
  if (isPlain(lower)) return lower;
  return lower
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .replaceAll('ø', 'o')
    .replaceAll('æ', 'ae')
    .replace(/['’]s$/u, '')
    .replace(/['’]/gu, '');
}

const plain = /^[a-z0-9]*$/;
const isPlain = (text: string): boolean => plain.test(text);

/** Takes a plural ending off. Both sides of a comparison go through it, so "analysis" may become whatever it likes. */
export function stem(word: string): string {
  if (word.length < 4 || !word.endsWith('s')) return word;
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ss|us|is)$/.test(word)) return word;
  if (/(?:sses|shes|ches|xes|zes)$/.test(word)) return word.slice(0, -2);
  return word.slice(0, -1);
}

/** The words of a name as one key: "Müller & Söhne GmbH" and "muller sohne gmbh" are the same. */
export function keyOf(text: string): string {
  return tokenize(text)
    .map((token) => token.stem)
    .join(' ');
}
