import type { Row, Scalar } from '../../../tools/warehouse/warehouse.ts';
import { dimensionSql, fromSql, measureSql, statusSql, whereSql } from '../compile.ts';
import { type Answer, table } from '../render/answer.ts';
import { nothing, percent, text, whole } from '../render/format.ts';
import { listed, say, strong, type Text } from '../render/text.ts';
import { measureOf } from '../semantic-layer/measures.ts';
import { inList, join, raw, type Sql, sql, value } from '../sql.ts';
import { type AnswerContext, numberIn, readingNotes, wonLostRule } from './context.ts';
import { answerUnknownName } from './help.ts';

/**
 * Fit: how often deals with companies like this one are won, against all deals. For each trait that is known (industry, segment, size, region)
 * the win rate of closed deals with other accounts of that trait is drawn towards the overall rate as if 20 average deals were
 * added (shrinkage by a pseudo-count, as in additive smoothing: Manning, Raghavan, Schütze, Introduction to Information
 * Retrieval, 13.2), so that few deals can't make a high score. The score is 50 times the geometric mean of these rates over the
 * overall rate, at most 100: 50 is average.
 */
const pseudoDeals = 20;
const goodFrom = 57.5;
const weakBelow = 42.5;

const sizes = [
  { label: 'under 50 employees', below: 50 },
  { label: '50 to 249 employees', below: 250 },
  { label: '250 to 999 employees', below: 1_000 },
  { label: '1,000 to 4,999 employees', below: 5_000 },
  { label: '5,000 employees and more', below: Number.POSITIVE_INFINITY },
] as const;

export async function answerFit(context: AnswerContext): Promise<Answer> {
  const company = await findCompany(context);
  if (!company) return context.query.account ? answerUnknownName(context) : unknownCompany(context);
  const known = traitsOf(context, company);
  const [all = none, ...groups] = await closedDeals(context, known, company);
  const traits = known.map((trait, index) => ({ ...trait, ...(groups[index] ?? none) }));
  const base = all.closed > 0 ? all.won / all.closed : 0;
  if (traits.length === 0 || all.won === 0) return cannotScore(context, company, all.won);
  const rates = traits.map(({ won, closed }) => (won + pseudoDeals * base) / (closed + pseudoDeals));
  const lift = Math.exp(rates.reduce((sum, rate) => sum + Math.log(rate / base), 0) / rates.length);
  const score = Math.min(100, 50 * lift);
  const cells = traits.map(({ label, found, won, closed }) => [
    label,
    found,
    whole(won),
    whole(closed),
    closed > 0 ? percent(won / closed) : nothing,
    against(won, closed, base),
  ]);
  const evidence = Math.min(...traits.map(({ closed }) => closed));
  return {
    headline: headline(company, score, traits.length),
    blocks: [
      table(['Trait', 'Value', 'Won', 'Closed', 'Win rate', 'Against average'], cells, {
        numbers: [2, 3, 4, 5],
      }),
    ],
    notes: [
      ...companyNotes(company),
      ...(evidence < pseudoDeals
        ? [say`The evidence is thin: one of these groups has only ${whole(evidence)} closed deals.`]
        : []),
      ...readingNotes(context),
    ],
    period: 'all closed deals',
    rules: [
      `Score: 50 times the geometric mean of the win rates of companies that share a trait over the overall win rate (${percent(base)}), each drawn towards it as if by ${pseudoDeals} average deals; 50 is average, from 57.5 a good fit, below 42.5 a weak one. Deals with the company itself are left out.`,
      wonLostRule,
    ],
    understood: true,
    topic: 'lead',
  };
}

interface Company {
  readonly name: string;
  readonly kind: 'account' | 'lead';
  readonly ids: readonly string[];
  readonly row: Row;
}

async function findCompany(context: AnswerContext): Promise<Company | undefined> {
  const { query, vocabulary } = context;
  const group = query.account?.groups[0];
  if (!group) return findLead(context);
  const columns = (['industry', 'segment', 'region', 'account_status'] as const).flatMap((name) => {
    const expression = dimensionSql(vocabulary, name, 'accounts');
    return expression ? [sql`max(${expression}) AS ${name}`] : [];
  });
  if (vocabulary.profile.rowCount('accounts') === 0) return undefined;
  const list = join([...columns, raw('max(accounts.employees) AS employees')], ', ');
  const where = [inList(raw('accounts.account_id'), group.ids)];
  const rows = await context.run(sql`SELECT ${list}\n${fromSql('accounts', [list])}${whereSql(where)}`);
  return { name: group.name, kind: 'account', ids: group.ids, row: rows[0] ?? {} };
}

/** A lead by the name of its company, as it was typed. */
async function findLead(context: AnswerContext): Promise<Company | undefined> {
  const name = context.query.unknownNames[0] ?? context.query.unused.join(' ');
  if (name === '' || context.vocabulary.profile.filled('leads.company') === 0) return undefined;
  const pattern = `${name.toLowerCase().replace(/[%_\\]/g, ' ')}%`;
  const rows = await context.run(
    sql`SELECT leads.company AS company, max(leads.industry) AS industry, max(leads.region) AS region, max(leads.employees) AS employees\nFROM leads\nWHERE lower(leads.company) LIKE ${value(pattern)}\nGROUP BY 1\nORDER BY length(leads.company), 1\nLIMIT 1`,
  );
  return rows[0] ? { name: text(rows[0].company), kind: 'lead', ids: [], row: rows[0] } : undefined;
}

interface Trait {
  readonly label: string;
  readonly found: string;
  readonly condition: Sql;
}

function traitsOf({ vocabulary }: AnswerContext, { row }: Company): readonly Trait[] {
  const named = (['industry', 'segment', 'region'] as const).flatMap((name) => {
    const expression = dimensionSql(vocabulary, name, 'opportunities');
    const found = row[name];
    if (!expression || typeof found !== 'string' || found === '') return [];
    return [
      {
        label: name[0]?.toUpperCase() + name.slice(1),
        found,
        condition: sql`${expression} = ${value(found)}`,
      },
    ];
  });
  const size = sizeTrait(row.employees);
  return size && vocabulary.profile.filled('accounts.employees') > 0 ? [...named, size] : named;
}

function sizeTrait(employees: Scalar | undefined): Trait | undefined {
  if (typeof employees !== 'number') return undefined;
  const at = sizes.findIndex(({ below }) => employees < below);
  const [from, to] = [sizes[at - 1]?.below ?? 0, sizes[at]?.below ?? 0];
  const upper = Number.isFinite(to) ? sql` AND accounts.employees < ${to}` : raw('');
  return {
    label: 'Size',
    found: sizes[at]?.label ?? '',
    condition: sql`accounts.employees >= ${from}${upper}`,
  };
}

const none = { won: 0, closed: 0 };

/** The deals that were closed with others: all of them first, then those of each trait. */
async function closedDeals(context: AnswerContext, traits: readonly Trait[], { ids }: Company) {
  const { vocabulary } = context;
  const others =
    ids.length > 0 ? [sql`NOT coalesce(${inList(raw('opportunities.account_id'), ids)}, FALSE)`] : [];
  const conditions = [statusSql(vocabulary, 'closed'), ...others];
  const won = measureSql(vocabulary, measureOf('closed_won'));
  const groups = [
    { name: 'all', filter: raw('') },
    ...traits.map(({ label, condition }) => ({
      name: label.toLowerCase(),
      filter: sql` FILTER (WHERE ${condition})`,
    })),
  ];
  const counts = groups.map(
    ({ name, filter }) => sql`${won}${filter} AS ${name}_won, count(*)${filter} AS ${name}_closed`,
  );
  const parts = [...conditions, ...traits.map(({ condition }) => condition)];
  const [row] = await context.run(
    sql`SELECT ${join(counts, ',\n  ')}\n${fromSql('opportunities', parts)}${whereSql(conditions)}`,
  );
  return groups.map(({ name }) => ({
    won: numberIn(row, `${name}_won`),
    closed: numberIn(row, `${name}_closed`),
  }));
}

function against(won: number, closed: number, base: number): string {
  if (closed === 0) return nothing;
  const points = 100 * (won / closed - base);
  return `${points >= 0 ? '+' : ''}${points.toFixed(1)} points`;
}

function headline({ name }: Company, score: number, traits: number): Text {
  const verdict = score >= goodFrom ? 'a good fit' : score < weakBelow ? 'a weak fit' : 'an average fit';
  return say`${strong(name)} looks like ${strong(verdict)}: ${whole(score)} of 100, where 50 is average, from ${traits} ${traits === 1 ? 'trait' : 'traits'} compared with the deals that were won and lost.`;
}

function companyNotes({ kind, row, name }: Company): readonly Text[] {
  const missing = (['industry', 'segment', 'region', 'employees'] as const).filter(
    (trait) => row[trait] === null || row[trait] === undefined,
  );
  return [
    ...(row.account_status === 'customer'
      ? [say`${name} is a customer already; this tells how well they match the others.`]
      : []),
    ...(kind === 'lead' ? [say`${name} is known as a lead.`] : []),
    ...(missing.length > 0 ? [say`Not known about ${name}, and so left out: ${listed(missing)}.`] : []),
  ];
}

function cannotScore(context: AnswerContext, { name }: Company, won: number): Answer {
  const why =
    won === 0
      ? say`no deal is won in the data, so there is nothing to compare with`
      : say`none of its industry, segment, region and number of employees is known`;
  return {
    headline: say`The fit of ${strong(name)} can't be computed: ${why}.`,
    blocks: [],
    notes: readingNotes(context),
    rules: [],
    understood: true,
    topic: 'lead',
  };
}

function unknownCompany(context: AnswerContext): Answer {
  const name = context.query.unknownNames[0] ?? context.query.unused.join(' ');
  const near =
    context.vocabulary.profile.rowCount('accounts') > 0 ? 'among the accounts and leads' : 'in the data';
  return {
    headline: say`There is no company called “${name}” ${near}, so its fit can't be computed.`,
    blocks: [],
    notes: [
      say`It would take its industry, its segment, its region or its number of employees: add it as an account or as a lead, or ask for the win rate of companies like it, such as “win rate by industry”.`,
    ],
    rules: [],
    understood: true,
    topic: 'lead',
  };
}
