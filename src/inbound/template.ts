import type { Json, JsonObject } from '../core/json.ts';

/**
 * Makes the input of a flow from what arrived. A text of the template that is one placeholder (`{payload.issue.number}`)
 * becomes the value itself; elsewhere placeholders are replaced inside the text, values that are no text as JSON. What is not
 * there is null, or nothing inside a text. `{{` and `}}` are braces.
 *
 * Placeholders are replaced once: braces that arrive in a payload stay braces.
 */
export function fillTemplate(template: Json, values: JsonObject): Json {
  if (typeof template === 'string') return fillText(template, values);
  if (typeof template !== 'object' || template === null) return template;
  if (Array.isArray(template)) return template.map((inner: Json) => fillTemplate(inner, values));
  const members = Object.entries(template).map(
    ([name, inner]) => [name, inner === undefined ? null : fillTemplate(inner, values)] as const,
  );
  return Object.fromEntries(members);
}

const placeholder = /\{\{|\}\}|\{([^{}]*)\}/g;
const wholePlaceholder = /^\{([^{}]+)\}$/;

function fillText(text: string, values: JsonObject): Json {
  const whole = wholePlaceholder.exec(text)?.[1];
  if (whole !== undefined) return valueAt(values, whole) ?? null;
  return text.replace(placeholder, (match, path?: string) => {
    if (path === undefined) return match[0]!;
    const value = valueAt(values, path);
    if (value === undefined || value === null) return '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}

/** The value at a path such as `payload.items.0.id`; undefined where the path leads nowhere. */
export function valueAt(values: Json, path: string): Json | undefined {
  let value: Json | undefined = values;
  for (const name of path.trim().split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

/** The paths that a template names. */
export function pathsOf(template: Json): readonly string[] {
  if (typeof template === 'string') {
    return [...template.matchAll(placeholder)].flatMap(([, path]) => path?.trim() ?? []);
  }
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap((inner) => (inner === undefined ? [] : pathsOf(inner)));
}
