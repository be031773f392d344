import type { Redactor } from '../../core/redact.ts';
import type { Content } from './generative.ts';

/** Of one attribute: spans are for seeing, the record is for reading. */
export const contentLimit = 16_384;

/** Redacted by the rules of logs and exports; fields are named by their paths from `tool_calls`. */
export function contentThrough({ text, json }: Redactor): Content {
  return {
    text: (value) => shortened(text(value)),
    json: (name, value) => {
      const redacted = json({ tool_calls: { [name]: value } }) as { tool_calls: Record<string, unknown> };
      return shortened(JSON.stringify(redacted.tool_calls[name]));
    },
  };
}

const shortened = (text: string): string =>
  text.length <= contentLimit ? text : `${text.slice(0, contentLimit).replace(/[\uD800-\uDBFF]$/, '')}…`;
