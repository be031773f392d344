// Installs the dependencies when they are missing or older than the lock file. Plain JavaScript that runs on
// old versions of Node: the right one arrives with the dependencies (the npm package `node`).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// After `--if-possible` come folders whose tests are skipped without them.
const [needed, optional = []] = split(process.argv.slice(2), '--if-possible');

for (const folder of ['.', ...needed]) {
  if (!installIfMissing(join(root, folder), folder)) process.exit(1);
}
for (const folder of optional) {
  if (!installIfMissing(join(root, folder), folder)) console.error('The tests that need it are skipped.');
}

function split(values, separator) {
  const at = values.indexOf(separator);
  return at === -1 ? [values] : [values.slice(0, at), values.slice(at + 1)];
}

function installIfMissing(path, name) {
  const lock = createHash('sha256')
    .update(readFileSync(join(path, 'package-lock.json')))
    .digest('hex');
  const stamp = join(path, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return true;
  console.log(
    name === '.' ? 'Installing dependencies (once)…' : `Installing the dependencies of ${name}/ (once)…`,
  );
  const options = { cwd: path, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' };
  const result = spawnSync('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund'], options);
  if (result.status !== 0) {
    console.error(`npm ci failed in ${path}. Run it there to see why, then try again.`);
    return false;
  }
  writeFileSync(stamp, lock);
  return true;
}
