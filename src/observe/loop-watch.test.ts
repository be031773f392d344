import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

/** Runs a process that is watched; its standard output. */
async function watched(code: string, format: 'json' | 'readable' = 'json'): Promise<string> {
  const module = JSON.stringify(new URL('loop-watch.ts', import.meta.url).href);
  const script = `
    import { AsyncLocalStorage } from 'node:async_hooks';
    import { watchLoop } from ${module};
    const storage = new AsyncLocalStorage();
    const stop = watchLoop({ whatExecutes: () => storage.getStore(), format: '${format}', stallMs: 300 });
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    function block(ms) { const until = Date.now() + ms; while (Date.now() < until) Math.sqrt(until); }
    await wait(1_500);
    ${code}
    await wait(200);
    stop();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code_] = await once(child, 'close');
  assert.equal(code_, 0);
  return text;
}

test('a step that blocks the loop is named while it does, once', { timeout: 30_000 }, async () => {
  const text = await watched(`
    await storage.run({ flow: 'query', runId: 'r1', step: 'classify' }, async () => {
      await wait(1);
      block(2_500);
      process.stdout.write('over\\n');
    });`);
  const [line, over, ...rest] = text.trim().split('\n');
  assert.equal(over, 'over', 'the line comes before the end of what it tells of');
  assert.deepEqual(rest, []);
  const { level, flow, run_id, step, blocked_ms, message } = JSON.parse(line!);
  assert.deepEqual([level, flow, run_id, step], ['ERROR', 'query', 'r1', 'classify']);
  assert.ok(blocked_ms >= 300);
  assert.match(message, /blocked for \d\.\d s by step "classify" of run r1 \(flow query\), at block \(/);
});

test('code of no run is told by its place; a loop that moves is left alone', {
  timeout: 30_000,
}, async () => {
  const text = await watched(
    `
    for (let n = 0; n < 5; n++) { block(120); await wait(1); }
    process.stdout.write('moving\\n');
    block(2_500);`,
    'readable',
  );
  const [moving, line, ...rest] = text.trim().split('\n');
  assert.equal(moving, 'moving');
  assert.match(
    line!,
    /^\d\d:\d\d:\d\d ERROR The event loop has been blocked .* by the code of no run, at block/,
  );
  assert.deepEqual(rest, []);
});
