import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * What `npm test` runs: lint and format, types, and every test (the architecture's among them). All parts run, so that
 * one failure does not hide another; the last line counts.
 */
const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

const tests = ['src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts'];
const concurrency = Math.min(2, availableParallelism());

const failures: string[] = [];
await part('lint and format', bin('biome'), ['check', '--error-on-warnings', '.']);
await part('types', bin('tsc'), ['--noEmit']);
const output = await part('tests', process.execPath, [
  '--disable-warning=ExperimentalWarning',
  '--test',
  `--test-concurrency=${concurrency}`,
  '--test-reporter=spec',
  ...tests,
]);

const count = (what: string) => Number(output.match(new RegExp(`^ℹ ${what} (\\d+)$`, 'm'))?.[1] ?? 0);
const [passed, cancelled, skipped] = [count('pass'), count('cancelled'), count('skipped') + count('todo')];
const failed = Math.max(count('fail') + cancelled, failures.length);
if (passed === 0) failures.push('tests (none ran)');
if (failures.length > 0) console.log(`\nFailed: ${failures.join(', ')}.`);
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failures.length > 0 || failed > 0 ? 1 : 0);

/** Runs a part, shows what it prints, and returns that without colours. */
function part(name: string, command: string, args: readonly string[]): Promise<string> {
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    process.stdout.write(chunk);
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const end = (code: number | null) => {
    if (code !== 0) failures.push(name);
    console.log(
      `${code === 0 ? '✔' : '✖'} ${name} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
    );
    resolve(text);
  };
  child.once('error', (error) => {
    console.error(error.message);
    end(1);
  });
  child.once('close', end);
  return promise;
}
