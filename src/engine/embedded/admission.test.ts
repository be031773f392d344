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
  for (let id = 1; id <= 10; id++) admission.enqueue({ id, flow: 'flood' });
  for (let id = 11; id <= 13; id++) admission.enqueue({ id, flow: 'other' });
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
        if (one.kind === 'enqueue') admission.enqueue({ id: id++, flow: one.flow });
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
  for (let id = 0; id < 200_000; id++) admission.enqueue({ id, flow: 'only' });
  while (admitted < 200_000) {
    // What one turn may admit is bounded.
    if (running === 0) await setImmediate();
    for (; running > 0; running--) admission.release('only');
  }
  assert.equal(admitted, 200_000);
});
