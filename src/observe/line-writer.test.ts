import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const module = JSON.stringify(new URL('line-writer.ts', import.meta.url).href);

/** A process that writes lines with it. */
const writer = (code: string) =>
  spawn(process.execPath, ['--input-type=module', '-e', `import { LineWriter } from ${module};\n${code}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

test('everything arrives, in order, by itself or by a flush', async () => {
  for (const end of ['', 'lines.flushSync(); process.exit(0);']) {
    const child = writer(
      `const lines = new LineWriter(1); for (let n = 0; n < 20000; n++) lines.write(n + '\\n'); ${end}`,
    );
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    assert.deepEqual(
      text.split('\n').slice(0, -1),
      Array.from({ length: 20_000 }, (_, n) => String(n)),
    );
  }
});

test('a reader that has gone does not keep the process from ending', { timeout: 20_000 }, async () => {
  const child = writer(`const lines = new LineWriter(1);
    process.stdin.once('end', () => {
      for (let n = 0; n < 100000; n++) lines.write('a line that nobody reads\\n');
      lines.flushSync();
      process.exit(7);
    }).resume();`);
  child.stdout.destroy();
  child.stdin.end();
  const [exitCode] = await once(child, 'exit');
  assert.equal(exitCode, 7);
});

test('a disk that was full costs the lines of that time, which are counted', {
  timeout: 20_000,
}, async () => {
  // A file behind a limit on its size takes a part of the line, then refuses until it is cut.
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-lines-'));
  const path = join(folder, 'log');
  const code = `
    import { openSync, readFileSync, statSync, truncateSync } from 'node:fs';
    process.on('SIGXFSZ', () => {});
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
    const lines = new LineWriter(openSync(process.argv[1], 'a'), { pauseMs: 20, lostLine: (count, why) => 'lost ' + count + ': ' + why + '\\n' });
    lines.write('x'.repeat(900) + '\\n');
    lines.write('y'.repeat(9000) + '\\n');
    while (statSync(process.argv[1]).size < 4096) await turn();
    for (let n = 0; n < 10; n++) { lines.write('z' + n + '\\n'); await turn(); }
    truncateSync(process.argv[1], 0);
    while (!readFileSync(process.argv[1], 'utf8').includes('lost')) { lines.write('after\\n'); await turn(); }
    process.stdout.write(readFileSync(process.argv[1], 'utf8'));`;
  const script = `import { LineWriter } from ${module};\n${code}`;
  const command = 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"';
  const child = spawn('sh', ['-c', command, process.execPath, script, path]);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  rmSync(folder, { recursive: true });
  assert.match(text, /^\nlost \d+: .*EFBIG.*\n(z\d\n)*after\n/);
});
