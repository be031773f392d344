import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { Admission, type Ticket } from './admission.ts';

test('flows take turns, each first in, first out, within their limits', () => {
  const admitted: Ticket[] = [];
  const admission = new Admission<Ticket>(4, (ticket) => admitted.push(ticket));
  admission.addFlow('flood', 3);
  admission.addFlow('other', 3);
  for (let id = 1; id <= 10; id++) admission.enqueue({ id, rank: 0, flow: 'flood' });
  for (let id = 11; id <= 13; id++) admission.enqueue({ id, rank: 0, flow: 'other' });
  assert.deepEqual(
    admitted.map(({ id }) => id),
    [1, 2, 3, 11],
  );
  assert.deepEqual([admission.running, admission.queued], [4, 9]);
  admission.release('flood');
  admission.release('flood');
  assert.deepEqual(
    admitted
      .slice(4)
      .map(({ flow }) => flow)
      .sort(),
    ['flood', 'other'],
  );
});

test('whatever comes and goes, limits hold, order holds and everything is admitted in the end', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('enqueue' as const), flow: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('release' as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const limits: Record<string, number> = { a: 1, b: 2, c: 5 };
      const running: Ticket[] = [];
      const order: Record<string, number[]> = { a: [], b: [], c: [] };
      const admission = new Admission<Ticket>(6, (ticket) => {
        running.push(ticket);
        order[ticket.flow]!.push(ticket.id);
      });
      for (const [flow, limit] of Object.entries(limits)) admission.addFlow(flow, limit);
      const release = (pick: number) => {
        const [ticket] = running.splice(pick % running.length, 1);
        admission.release(ticket!.flow);
      };
      let id = 0;
      for (const one of actions) {
        if (one.kind === 'enqueue') admission.enqueue({ id: id++, rank: 0, flow: one.flow });
        else if (running.length > 0) release(one.pick);
        assert.ok(running.length <= 6);
        for (const flow of 'abc') {
          assert.ok(running.filter((ticket) => ticket.flow === flow).length <= limits[flow]!);
        }
      }
      while (running.length > 0) release(0);
      assert.equal(admission.queued, 0);
      for (const ids of Object.values(order))
        assert.deepEqual(
          ids,
          [...ids].sort((a, b) => a - b),
        );
      assert.equal(order.a!.length + order.b!.length + order.c!.length, id);
    }),
  );
});

test('many tickets of one flow stay quick to queue and to take', async () => {
  let admitted = 0;
  let running = 0;
  const admission = new Admission<Ticket>(1, () => {
    admitted += 1;
    running += 1;
  });
  admission.addFlow('only', 1);
  for (let id = 0; id < 200_000; id++) admission.enqueue({ id, rank: id, flow: 'only' });
  while (admitted < 200_000) {
    // What one turn may admit is bounded.
    if (running === 0) await setImmediate();
    for (; running > 0; running--) admission.release('only');
  }
  assert.equal(admitted, 200_000);
});

test('the smallest rank goes first, one key at a time, and each run in the end', () => {
  const run = fc.record({ rank: fc.integer({ min: 0, max: 5 }), key: fc.constantFrom('x', 'y', undefined) });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (runs, picks) => {
      const underWay: Ticket[] = [];
      const begun: Ticket[] = [];
      const admission = new Admission<Ticket>(4, (ticket) => {
        underWay.push(ticket);
        begun.push(ticket);
      });
      admission.addFlow('keyed', 3, { keyLimit: 1 });
      for (const [id, { rank, key }] of runs.entries()) {
        admission.enqueue({ id, rank, flow: 'keyed', ...(key !== undefined && { key }) });
      }
      while (underWay.length > 0) {
        for (const key of ['x', 'y']) assert.ok(underWay.filter((ticket) => ticket.key === key).length <= 1);
        const [ended] = underWay.splice(picks.next().value! % underWay.length, 1);
        const before = begun.length;
        admission.releaseKey(ended!.id);
        admission.release('keyed');
        // Of those with its key, the one that begins next stands first.
        const next = begun.slice(before).find(({ key }) => key !== undefined && key === ended!.key);
        const left = runs.flatMap(({ rank, key }, id) =>
          key === next?.key && !begun.some((ticket) => ticket.id === id) ? [rank] : [],
        );
        if (next !== undefined) assert.ok(next.rank <= Math.min(Number.POSITIVE_INFINITY, ...left));
      }
      assert.equal(begun.length, runs.length);
      assert.equal(admission.queued, 0);
    }),
  );
});
