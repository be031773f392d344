import type { DemoAccount, DemoOwner, DemoRow } from './accounts.ts';
import { createRandom, type Random } from './random.ts';
import {
  firstNames,
  jobTitles,
  lastNames,
  leadSources,
  nameBeginnings,
  nameEndings,
  regions,
  segmentSizes,
  segments,
} from './vocabulary.ts';

const statuses = [
  ['New', 4],
  ['Working', 4],
  ['Qualified', 2],
  ['Converted', 2],
  ['Disqualified', 3],
] as const;

export function makeLeads(
  seed: string,
  accounts: readonly DemoAccount[],
  owners: readonly DemoOwner[],
  count: number,
): readonly DemoRow[] {
  const random = createRandom(`${seed}/leads`);
  return Array.from({ length: count }, (_, at) => makeLead(random, at + 1, accounts, owners));
}

/** One in five works for a company that is an account already. */
function companyOf(random: Random, accounts: readonly DemoAccount[]): { name: string; industry: string } {
  if (random.chance(0.2)) return random.pick(accounts);
  const [ending, industry] = random.pick(nameEndings);
  return {
    name: `${random.pick(nameBeginnings)} ${random.pick(['Bay', 'Hill', 'Point'])} ${ending}`,
    industry,
  };
}

function makeLead(
  random: Random,
  at: number,
  accounts: readonly DemoAccount[],
  owners: readonly DemoOwner[],
): DemoRow {
  const company = companyOf(random, accounts);
  const region = random.pick(regions);
  const [first, last] = [random.pick(firstNames), random.pick(lastNames)];
  const letters = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, '');
  const employees = segmentSizes[random.weighted(segments)].employees * random.skewed(0.6);
  return {
    lead_id: `LEAD-${String(at).padStart(4, '0')}`,
    name: `${first} ${last}`,
    company: random.chance(0.02) ? null : company.name,
    title: random.chance(0.06) ? null : random.pick(jobTitles),
    email: random.chance(0.05) ? null : `${letters(first)}.${letters(last)}@${letters(company.name)}.example`,
    industry: random.chance(0.1) ? null : company.industry,
    region: random.chance(0.06) ? null : region,
    employees: random.chance(0.15) ? null : Math.round(employees),
    source: random.weighted(leadSources),
    status: random.weighted(statuses),
    created_date: Math.floor(random.next() ** 1.6 * 730),
    owner_id: random.chance(0.15) ? null : random.pick(owners).owner_id,
  };
}
