import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
