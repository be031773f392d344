/**
 * One text for each JSON value, whatever the order of its members was: RFC 8785 (members sorted by UTF-16 code units, no
 * white space, numbers and strings as ECMAScript writes them).
 */
export function canonicalJson(value: unknown): string {
  if (value instanceof LongNumber) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * The same of a JSON text, exactly: a number with more digits than a double holds is written with all of them, so that two
 * texts that differ there alone are two. RFC 8785 would round both to one.
 */
export function canonicalJsonOfText(text: string): string {
  const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;
  return canonicalJson(parse(text, (_, value, { source }) => exact(value, source)));
}

/** https://tc39.es/proposal-json-parse-with-source/ */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

class LongNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function exact(value: unknown, source: string | undefined): unknown {
  // A double holds 15 digits, whichever they are.
  if (typeof value !== 'number' || source === undefined || /^\d{1,15}$/.test(source)) return value;
  const decimal = decimalOf(source);
  return decimal === decimalOf(JSON.stringify(value)) ? value : new LongNumber(decimal);
}

/** The number as a whole number and a power of ten, with no zeros to spare: 1, 1.0 and 10e-1 are the same text. */
function decimalOf(source: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source)!;
  const significant = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  if (digits === '') return '0';
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(significant.length - digits.length);
  return `${sign}${digits}e${power}`;
}
