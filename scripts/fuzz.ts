import { runCampaign } from '../test/fuzz/campaign.ts';

/**
 * What `npm run fuzz` runs: 20,000 generated requests, or `--cases N`, over raw connections against the real server. Exits with 1 when one makes
 * it fail. `--seed N` sends the same ones again.
 */
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  if (at === -1) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(
    `--${name} is ${JSON.stringify(process.argv[at + 1] ?? '')}. Expected a whole number above 0.`,
  );
  process.exit(2);
};

const seed = option('seed', Math.floor(Math.random() * 2 ** 31));
const cases = option('cases', 20_000);
console.log(`${cases} requests, seed ${seed}`);
const startedAt = performance.now();
const { statuses, failure } = await runCampaign({ cases, seed });
const told = Object.entries(statuses).map(
  ([status, count]) => `${status === '0' ? 'none' : status}: ${count}`,
);
console.log(`${Math.round((performance.now() - startedAt) / 1_000)} s; answers: ${told.join(', ')}`);
if (failure !== undefined) console.error(failure);
process.exit(failure === undefined ? 0 : 1);
