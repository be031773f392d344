import { spawn } from 'node:child_process';
import { join } from 'node:path';

/**
 * What `npm run soak` runs: the crash tests over and over with new seeds, for an hour or `--minutes N`, one after the other. Prints a report
 * for docs/reference/reliability.md, and exits with 1 when something was found. `--seed N` gives the seeds of an earlier report; `--cluster`, which is
 * `npm run test:storm`, takes what is done to a whole cluster in the place of that, for ten minutes.
 */
const root = join(import.meta.dirname, '..');
const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  if (at === -1) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} is ${JSON.stringify(process.argv[at + 1] ?? '')}. Expected a number above 0.`);
  process.exit(2);
};

const isCluster = process.argv.includes('--cluster');
const minutes = option('minutes', isCluster ? 10 : 60);
const firstSeed = option('seed', 1 + Math.floor(Math.random() * 1_000_000_000));

interface Program {
  readonly file: string;
  readonly what: string;
  /** How often processes are killed in one round, or otherwise struck. */
  readonly kills: number;
}

const ofOneProcess: readonly Program[] = [
  {
    file: 'engine-kill',
    what: 'engine: every kind of operation, 20 runs at once, and each commit',
    kills: 80,
  },
  { file: 'power-cut', what: 'engine: the log cut back to what was synced', kills: 14 },
  { file: 'random-programs', what: 'engine: random programs against what they say', kills: 14 },
  { file: 'torn-log', what: 'engine: the log cut, or a byte of it changed, anywhere', kills: 2 },
  { file: 'disk-full', what: 'server: no room on its disk', kills: 1 },
  { file: 'main-job', what: 'server: questions by HTTP from 6 senders, signed deliveries', kills: 15 },
  { file: 'server-recovery', what: 'server: several starts, a backup, repeated requests', kills: 5 },
  { file: 'poison', what: 'engine: a run that ends its process again and again', kills: 3 },
];

const ofACluster: readonly Program[] = [
  {
    file: 'cluster-storm',
    what: 'three nodes of Restate, PostgreSQL, two workers, two gateways: questions and approvals',
    kills: 18,
  },
  { file: 'lease', what: 'three processes that do what only one may do at a time', kills: 24 },
];

const programs = isCluster ? ofACluster : ofOneProcess;

interface Tally {
  rounds: number;
  accepted: number;
  failedSeeds: number[];
}

const tallies = new Map<Program, Tally>(
  programs.map((program) => [program, { rounds: 0, accepted: 0, failedSeeds: [] }]),
);

const startedAt = Date.now();
const until = startedAt + minutes * 60_000;
let seed = firstSeed;
for (let round = 0; Date.now() < until; round++, seed++) {
  const program = programs[round % programs.length]!;
  const tally = tallies.get(program)!;
  const { passed, output } = await runOnce(program, seed);
  tally.rounds += 1;
  tally.accepted += Number(/(\d+) (?:questions|runs) accepted/.exec(output)?.[1] ?? 0);
  if (isCluster) console.error(output.match(/^ℹ .*(?:accepted|decided).*$/gm)?.join('\n') ?? '');
  if (!passed) tally.failedSeeds.push(seed);
  console.error(`${passed ? 'held' : 'FAILED'}: ${program.file}, seed ${seed}`);
  if (!passed) console.error(output);
}
console.log(report());
process.exit([...tallies.values()].some(({ failedSeeds }) => failedSeeds.length > 0) ? 1 : 0);

function runOnce(program: Program, seedOfRound: number): Promise<{ passed: boolean; output: string }> {
  const file = join(root, 'test', 'chaos', `${program.file}.test.ts`);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--test', file], {
    cwd: root,
    env: {
      ...process.env,
      CHAOS_SEED: String(seedOfRound),
      ...(isCluster && { CHAOS_KILLS: String(program.kills) }),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ passed: code === 0, output })));
}

function report(): string {
  const lasted = Math.round((Date.now() - startedAt) / 60_000);
  const rows = [...tallies].map(
    ([{ file, what, kills }, { rounds, accepted, failedSeeds }]) =>
      `| \`${file}\` | ${what} | ${rounds} | ${rounds * kills} | ${accepted} | ${failedSeeds.length === 0 ? 'nothing' : `failed with seeds ${failedSeeds.join(', ')}`} |`,
  );
  return [
    `${lasted} minutes on ${process.platform}, Node ${process.versions.node}, seeds ${firstSeed} to ${seed - 1}.`,
    '',
    '| test | what runs | rounds | blows | accepted | found |',
    '| --- | --- | ---: | ---: | ---: | --- |',
    ...rows,
  ].join('\n');
}
