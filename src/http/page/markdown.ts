import { Marked, type Tokens } from 'marked';
import { escapeHtml, Html, html } from './html.ts';

/** Longer than this it is shown as it is: nobody reads it, and rendering takes time. */
const lengthLimit = 100_000;

/**
 * Markdown of answers as markup. Answers hold text of strangers (names in the data, words of a model), so raw HTML is
 * shown as text, links show where they lead and lead nowhere, and images are their descriptions.
 */
export function renderMarkdown(markdown: string): Html {
  if (markdown.length > lengthLimit) return html`<pre>${markdown}</pre>`;
  return new Html(marked.parse(markdown, { async: false }));
}

const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => escapeHtml(text),
    image: ({ text }) => escapeHtml(text),
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    code({ text, lang }) {
      const block = `<pre><code>${escapeHtml(text)}</code></pre>`;
      return lang === 'sql' ? `<details><summary>SQL</summary>${block}</details>\n` : `${block}\n`;
    },
    link({ href, tokens }: Tokens.Link) {
      const shown = this.parser.parseInline(tokens);
      const target = escapeHtml(href);
      return shown === target ? shown : `${shown} (<span class="url">${target}</span>)`;
    },
    table(token: Tokens.Table) {
      const head = token.header.map((cell) => cellOf('th', cell, this.parser.parseInline(cell.tokens)));
      const rows = token.rows.map((row) =>
        row.map((cell) => cellOf('td', cell, this.parser.parseInline(cell.tokens))),
      );
      const body = rows.map((row) => `<tr>${row.join('')}</tr>`).join('');
      return `<div class="table" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body}</tbody></table></div>\n`;
    },
  },
});

function cellOf(tag: 'th' | 'td', cell: Tokens.TableCell, content: string): string {
  const alignment = cell.align === 'right' || cell.align === 'center' ? ` class="${cell.align}"` : '';
  return `<${tag}${alignment}>${content}</${tag}>`;
}
