import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignalboxError } from '../../core/errors.ts';
import { operationLimit } from '../../engine/engine.ts';
import { exportHoldLimit, exportHoldMs, HeldExports } from './held-exports.ts';

test('waiting for objects lasts about a week, and stays far from the limit of the journal', () => {
  let allMs = 0;
  for (let holds = 0; holds < exportHoldLimit; holds++) {
    allMs += exportHoldMs({ shutForMs: 60_000, holds, waiting: 1, random: 0.5 });
  }
  const days = allMs / 86_400_000;
  assert.ok(days > 7 && days < 10, `${days} days`);
  assert.ok(exportHoldLimit * 2 < operationLimit / 5);
});

test('however many wait, those that look again in a second are about as many', () => {
  const waiting = 1_000_000;
  const seconds = new Map<number, number>();
  for (let n = 0; n < waiting; n += 10) {
    const ms = exportHoldMs({ shutForMs: 60_000, holds: 5, waiting, random: n / waiting });
    const second = Math.floor(ms / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 10);
  }
  assert.ok(Math.max(...seconds.values()) <= 220, `${Math.max(...seconds.values())}`);
});

test('one that is refused while the objects are being tried waits for that alone', () => {
  const held = new HeldExports({ shutForMs: () => undefined });
  const refused = new SignalboxError('storage_failed', 'Not now.', { retryAfterMs: 6_000 });
  const { heldMs } = held.hold(100, refused)!;
  assert.ok(heldMs >= 6_000 && heldMs <= 7_300, `${heldMs}`);
  assert.equal(held.hold(100, new SignalboxError('storage_failed', 'Broken.')), undefined);
  assert.equal(held.hold(100), undefined);
  assert.equal(new HeldExports({ shutForMs: () => 1_000 }).hold(exportHoldLimit), undefined);
});
