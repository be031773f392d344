import { SignalboxError } from './errors.ts';

/**
 * The JSON text of a value that survives the round trip unchanged. Throws `result_not_json` that names the place of what would
 * not: a function, a symbol, a BigInt, NaN or an infinity, a cycle, more than 1,000 levels, a Date, a Map, any other object with a class of its own.
 * Properties that are undefined are left out. Undefined itself gives undefined.
 */
export function serialize(value: unknown, what: string): string | undefined {
  if (value === undefined) return undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  check(value, what, '', []);
  return JSON.stringify(value);
}

/** Far from where the stack of a reader could end. */
const mostLevels = 1_000;

function check(value: unknown, what: string, path: string, ancestors: object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      throw notJson(what, path, String(value));
    case 'object':
      if (value === null) return;
      if (ancestors.includes(value)) throw notJson(what, path, 'a cycle');
      if (ancestors.length >= mostLevels) throw notJson(what, '', `more than ${mostLevels} levels`);
      ancestors.push(value);
      if (Array.isArray(value)) checkArray(value, what, path, ancestors);
      else checkObject(value, what, path, ancestors);
      ancestors.pop();
      return;
    default:
      throw notJson(what, path, `a ${typeof value}`);
  }
}

function checkArray(values: readonly unknown[], what: string, path: string, ancestors: object[]): void {
  for (let index = 0; index < values.length; index++) {
    if (values[index] === undefined) throw notJson(what, `${path}/${index}`, 'undefined in an array');
    check(values[index], what, `${path}/${index}`, ancestors);
  }
}

function checkObject(value: object, what: string, path: string, ancestors: object[]): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(what, path, `a ${prototype?.constructor?.name ?? 'foreign object'}`);
  }
  for (const key in value) {
    check(
      (value as Record<string, unknown>)[key],
      what,
      path === '' ? `/${key}` : `${path}/${key}`,
      ancestors,
    );
  }
}

function notJson(what: string, path: string, seen: string): SignalboxError {
  const place = path === '' ? '' : ` at ${path}`;
  return new SignalboxError(
    'result_not_json',
    `The ${what} has ${seen}${place}; only JSON can be kept (text, finite numbers, true, false, null, arrays and plain objects). Convert it first.`,
  );
}
