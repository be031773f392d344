/**
 * Text in two forms at once. What comes from data or from the question is somebody else's text: in markdown it is escaped, so
 * that it can make no table, link, picture or HTML; in the plain form, which chat programs may read as their own markup, the few
 * characters that begin markup are replaced by look-alikes.
 */
export interface Text {
  readonly markdown: string;
  readonly plain: string;
}

const maxLength = 160;

/** Control characters, and those that hide or reorder text. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu;

const clean = (text: string, limit: number): string => {
  const single = needsCleaning.test(text) ? text.replace(invisible, ' ').trim() : text;
  return single.length > limit ? `${single.slice(0, limit - 1)}…` : single;
};
const needsCleaning = /[^\x20-\x7e]| {2}|^ | $/;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '|': '&#124;' };
const special = /[\\`*_[\]~&<>|#!]|:\/\/|www\.|@|^[-+=]|^\d+[.)](?:\s|$)/;

/** Somebody else's text, as markdown that shows exactly it. */
export function escapeMarkdown(text: string, limit = maxLength): string {
  const single = clean(text, limit);
  if (!special.test(single)) return single;
  return single
    .replace(/[&<>|]/g, (character) => entities[character] ?? character)
    .replace(/[\\`*_[\]~!]/g, '\\$&')
    .replace(/#(?!\d+;)/g, '\\#')
    .replace(/:\/\//g, '&#58;//')
    .replace(/www\./gi, (match) => `${match.slice(0, 3)}&#46;`)
    .replace(/@/g, '&#64;')
    .replace(/^([-+=])/, '\\$1')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}

const lookAlikes: Readonly<Record<string, string>> = {
  '|': '/',
  '*': '∗',
  '`': "'",
  '<': '‹',
  '>': '›',
  _: '_',
};

export function escapePlain(text: string, limit = maxLength): string {
  const single = clean(text, limit);
  return /[|*`<>]|:\/\//.test(single)
    ? single.replace(/[|*`<>]/g, (character) => lookAlikes[character] ?? character).replaceAll('://', ': //')
    : single;
}

/** Somebody else's text. */
export function data(text: string): Text {
  return { markdown: escapeMarkdown(text), plain: escapePlain(text) };
}

export function strong(text: string): Text {
  return { markdown: `**${escapeMarkdown(text)}**`, plain: escapePlain(text) };
}

export type Said = string | number | Text;

/** A sentence of ours; whatever is put in is escaped. */
export function say(strings: TemplateStringsArray, ...values: readonly Said[]): Text {
  let markdown = strings[0] ?? '';
  let plain = markdown;
  for (const [index, value] of values.entries()) {
    const text = typeof value === 'object' ? value : data(String(value));
    const next = strings[index + 1] ?? '';
    markdown += text.markdown + next;
    plain += text.plain + next;
  }
  return { markdown, plain };
}

export function together(texts: readonly Text[], separator = ' '): Text {
  return {
    markdown: texts.map(({ markdown }) => markdown).join(separator),
    plain: texts.map(({ plain }) => plain).join(separator),
  };
}

/** "A, B and C". */
export function listed(names: readonly Said[], word = 'and'): Text {
  const texts = names.map((name) => (typeof name === 'object' ? name : data(String(name))));
  if (texts.length < 2) return texts[0] ?? { markdown: '', plain: '' };
  return together([together(texts.slice(0, -1), ', '), texts.at(-1) as Text], ` ${word} `);
}
