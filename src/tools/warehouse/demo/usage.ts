import type { DemoAccount, DemoRow } from './accounts.ts';
import type { DemoOpportunity } from './opportunities.ts';
import { createRandom, type Random } from './random.ts';
import { segmentSizes } from './vocabulary.ts';

/**
 * Daily usage is by far the largest table, so only its plan is made here, one row per account and product; the database
 * multiplies it with the days (`usageSql`).
 */

/** Older rows have been archived, as they would be. */
const meteredDays = 730;

/** How usage goes: times `growth` over a year. */
const courses = [
  ['rising', 3],
  ['steady', 4],
  ['falling', 2],
] as const;

export function makeUsagePlan(
  seed: string,
  accounts: readonly DemoAccount[],
  opportunities: readonly DemoOpportunity[],
): readonly DemoRow[] {
  const random = createRandom(`${seed}/usage`);
  const bought = Map.groupBy(
    opportunities.filter((opportunity) => opportunity.outcome === 'won'),
    (opportunity) => opportunity.account.id,
  );
  return accounts
    .filter((account) => account.status !== 'prospect')
    .flatMap((account) => {
      const products = new Set((bought.get(account.id) ?? []).map((opportunity) => opportunity.productId));
      products.delete('PRD-07'); // Services are not metered.
      return [...products]
        .sort()
        .slice(0, 2)
        .map((productId) => planOf(random, account, productId));
    })
    .map((plan, at) => ({ ...plan, plan_number: at + 1 }));
}

function planOf(random: Random, account: DemoAccount, productId: string): DemoRow {
  const course = account.status === 'churned' ? 'falling' : random.weighted(courses);
  const growth = {
    rising: 1.3 + random.next(),
    steady: 0.95 + random.next() / 8,
    falling: 0.35 + random.next() / 4,
  };
  const level = segmentSizes[account.segment].dailyUnits * random.skewed(0.4);
  return {
    account_id: account.id,
    product_id: productId,
    from_days_ago: Math.min(account.sinceDaysAgo, meteredDays),
    to_days_ago: account.status === 'churned' ? account.churnedDaysAgo : 1,
    level: Math.round(level * 100) / 100,
    growth: Math.round(growth[course] * 1000) / 1000,
    people: Math.max(2, Math.round(Math.sqrt(level) * 1.4)),
  };
}

/**
 * Quieter at weekends, some noise, one row in a hundred lost. The noise is whole-number arithmetic, the same on every
 * machine and in every version of the database: https://en.wikipedia.org/wiki/Quadratic_congruential_generator
 */
export const usageSql = (today: string) => `
  INSERT INTO usage BY NAME
  WITH days AS (
    SELECT plan.*, days_ago, DATE '${today}' - days_ago::INTEGER AS usage_date,
      (plan_number::BIGINT * 7919 + days_ago * 104729) % 2147483647 AS mixed
    FROM usage_plan AS plan, LATERAL (SELECT unnest(range(to_days_ago::BIGINT, from_days_ago::BIGINT)) AS days_ago)
  ), noisy AS (
    SELECT *, (mixed * mixed + mixed * 48271) % 2147483647 / 2147483647.0 AS noise,
      CASE WHEN isodow(usage_date) > 5 THEN 0.35 ELSE 1 END AS weekday,
      pow(growth, 1 - days_ago / 365.0) AS course
    FROM days
  )
  SELECT 'USE-' || plan_number::INTEGER || '-' || (from_days_ago::BIGINT - days_ago) AS usage_id,
    account_id, product_id, usage_date,
    round(level * least(course, 6) * weekday * (0.75 + noise / 2)) AS units,
    greatest(1, round(people * sqrt(least(course, 4)) * weekday * (0.85 + noise * 0.3))) AS active_users
  FROM noisy WHERE noise > 0.01 ORDER BY usage_date, plan_number`;
