/** PostgreSQL has no NUL in a text; the character that stands for what cannot be shown takes its place. */
export const storable = (text: string): string => text.replaceAll('\0', '\u{FFFD}');
