import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderMarkdown } from './markdown.ts';

const allowedTags =
  /^<\/?(p|h[1-6]|ul|ol|li|strong|em|del|code|pre|blockquote|table|thead|tbody|tr|br|hr|details|summary)>$|^<(td|th)( class="(right|center)")?>$|^<\/(td|th|div|span)>$|^<div class="table" tabindex="0" role="region" aria-label="Table">$|^<span class="url">$|^<ol start="\d+">$/;

function assertHarmless(markdown: string): string {
  const text = String(renderMarkdown(markdown));
  for (const tag of text.match(/<[^>]*>?/g) ?? []) assert.match(tag, allowedTags, `in ${text}`);
  return text;
}

const hostile = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '[click](javascript:alert(1))',
  '[click](data:text/html,<script>alert(1)</script>)',
  '![x](http://evil.example/beacon.png "onload=alert(1)")',
  '<http://evil.example/"onmouseover="alert(1)>',
  '| a | b |\n| --- | ---: |\n| <svg/onload=alert(1)> | [x](vbscript:x) |',
  '```"><script>alert(1)</script>\ncode\n```',
  '<details open ontoggle=alert(1)>',
  '[a]: javascript:alert(1)\n\n[a]',
  '- [x] <style>*{display:none}</style>',
  '&lt;script&gt; <!-- --><![CDATA[ <a href="//evil">',
  '**<b onclick=x>bold</b>**',
  'www.evil.example and me@evil.example',
  '# <iframe src=//evil>',
];

test('whatever an answer holds, only harmless tags come out', () => {
  for (const markdown of hostile) assertHarmless(markdown);
  const pieces = fc.array(
    fc.constantFrom(...hostile, '\n', '\n\n', '> ', '- ', '`', '*', '|', '[', '](', '<', '"', ' '),
  );
  fc.assert(
    fc.property(pieces, (parts) => void assertHarmless(parts.join(''))),
    { numRuns: 300 },
  );
});

test('the check can fail', () => {
  assert.throws(() => assert.match('<a href="javascript:alert(1)">', allowedTags));
  assert.throws(() => assert.match('<p onclick="x">', allowedTags));
});

test('what answers are made of is rendered', () => {
  const text = assertHarmless(
    '## Deals\n\n**3** deals\n\n| deal | amount |\n| --- | ---: |\n| A | 1 |\n\n```sql\nSELECT 1 < 2\n```',
  );
  assert.match(text, /<h2>Deals<\/h2>/);
  assert.match(text, /<td class="right">1<\/td>/);
  assert.match(text, /<details><summary>SQL<\/summary><pre><code>SELECT 1/);
  assert.match(text, /<code>SELECT 1 &lt; 2<\/code>/);
  assert.match(
    assertHarmless('[docs](https://example.com/)'),
    /docs \(<span class="url">https:\/\/example\.com\/<\/span>\)/,
  );
});
