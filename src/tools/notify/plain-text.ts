/** Control characters and those that turn the direction of text around, with which a text shows as another; newlines stay. */
const hidden = /(?!\n)[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** As people can read it: nothing hidden, and at most so many UTF-16 units, never half of a character. */
export function plainText(text: string, limit: number): string {
  const visible = text.replaceAll('\r\n', '\n').replace(hidden, ' ').trim();
  if (visible.length <= limit) return visible;
  return `${visible.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

export function plainLine(text: string, limit: number): string {
  return plainText(text.replace(/\s+/g, ' '), limit);
}
