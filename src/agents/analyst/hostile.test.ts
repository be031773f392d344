import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Asking, askDemo, askRows, cellsOf } from '../../../test/fixtures/analyst.ts';
import { data } from './render/text.ts';

const names = [
  'Pipes | and | more',
  '[click](https://evil.example)',
  '<script>alert(1)</script>',
  '![x](https://evil.example/x.png)',
  '**bold** _it_ `code`',
  "O'Brien; DROP TABLE accounts; --",
  '```\nfence',
  'line\nbreak\r\n| a | b |',
  '<!channel> <https://evil.example|here>',
  '# heading',
  '1. list',
  '- item',
  'www.evil.example',
  'right\u202eleft\u200bzero',
  'x'.repeat(500),
];

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

describe('names from data', () => {
  let asking: Asking;
  before(async () => {
    asking = await askRows(
      names.flatMap((name, index) => [
        `INSERT INTO accounts (account_id, name, region) VALUES ('A${index}', ${quote(name)}, ${quote(name)})`,
        `INSERT INTO opportunities (opportunity_id, name, account_id, stage, amount, close_date, loss_reason)
         VALUES ('D${index}', ${quote(name)}, 'A${index}', 'Open', ${1_000 + index}, '2026-12-01', ${quote(name)})`,
      ]),
    );
  });
  after(() => asking.release());

  it('never break a table, nor make a link, picture or HTML', async () => {
    for (const question of [
      'pipeline by region',
      'open deals closing this quarter',
      'pipeline by account',
      'pipeline analysis',
    ]) {
      const { markdown } = await asking.ask(question);
      const prose = markdown.replace(/\n`{3,}sql\n[\s\S]*$/, '');
      const widths = new Set(
        prose.split('\n\n').flatMap((block) => {
          const lines = block.split('\n').filter((line) => line.startsWith('|'));
          const widthOf = (line: string) => line.split('|').length;
          return lines.some((line) => widthOf(line) !== widthOf(lines[0] ?? '')) ? ['uneven'] : [];
        }),
      );
      assert.deepEqual([...widths], [], question);
      assert.doesNotMatch(prose, /<[a-z!]|(?<!\\)\]\(|(?<!\\)`|https?:\/\//i, question);
    }
  });

  it('bring no markup into the plain form', async () => {
    for (const question of ['pipeline by region', 'open deals', 'stale deals']) {
      assert.doesNotMatch((await asking.ask(question)).plain, /[|*`<>]|:\/\/|\u202e/, question);
    }
  });

  it('are shown in full otherwise', async () => {
    const regions = cellsOf((await asking.ask('pipeline by region')).markdown).map(([cell]) => cell);
    assert.ok(regions.includes("O'Brien; DROP TABLE accounts; --"));
    assert.ok(regions.includes('Pipes &#124; and &#124; more'));
  });

  it('can be asked for without doing anything', async () => {
    const answer = await asking.ask("deal status for O'Brien; DROP TABLE accounts; --");
    assert.ok(answer.plain.length > 0);
    assert.equal((await asking.rows('SELECT count(*) AS n FROM accounts'))[0]?.n, names.length);
  });

  it('are escaped so that nothing special is left', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        const { markdown, plain } = data(name);
        assert.doesNotMatch(markdown, /[\n\r|<>]|(?<!\\)(?:\\\\)*[`*_[\]~]/u);
        assert.doesNotMatch(plain, /[\n\r|<>`*]/);
      }),
    );
  });
});

describe('any question', () => {
  let asking: Asking;
  before(async () => {
    asking = await askDemo();
  });
  after(() => asking.release());

  const words = fc.constantFrom(
    'pipeline',
    'win rate',
    'by',
    'region',
    'deals',
    'won',
    'lost',
    'IXIS',
    'EMEA',
    'last',
    'quarter',
    'Q4',
    '2025',
    'top',
    '5',
    'over',
    '100k',
    'usage',
    'trend',
    'leads',
    'fit',
    'why',
    'compare',
    'and',
    'forecast',
    'stale',
    'for',
    'owner',
    'who',
    'no activity',
    '60 days',
    'Rosa',
    'healthcare',
    'calls',
    'month',
    'customers',
    'average',
    'products',
    'conversion',
    'status',
    'since',
    'March',
    'smallest',
    'accounts',
    'without an amount',
    'Renewal',
    'falling',
    'segment',
  );

  it('of words that it knows, in any order, is answered without a made-up value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 8 }), async (chosen) => {
        const answer = await asking.ask(chosen.join(' '));
        assert.ok(answer.plain.length > 0 && answer.markdown.length > 0);
        assert.doesNotMatch(answer.plain, /NaN|\bnull\b|undefined|Infinity|\[object/, chosen.join(' '));
      }),
      { numRuns: 300 },
    );
  });

  it('of any characters is answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), async (question) => {
        assert.ok((await asking.ask(question)).plain.length > 0);
      }),
      { numRuns: 200 },
    );
  });

  it('that is stopped stops', async () => {
    const { createAnalyst } = await import('./analyst.ts');
    const analyst = createAnalyst({ warehouse: asking.warehouse, today: () => '2026-11-20' });
    const stopped = AbortSignal.abort(new Error('stopped'));
    await assert.rejects(
      analyst.answer({ question: 'pipeline', sessionId: 's', idempotencyKey: 'k', signal: stopped }),
      /stopped/,
    );
  });
});
