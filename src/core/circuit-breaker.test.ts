import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CircuitBreaker, CircuitBreakers, defaultBreakerPolicy } from './circuit-breaker.ts';

const open = () => {
  const breaker = new CircuitBreaker(defaultBreakerPolicy);
  for (let failure = 0; failure < 5; failure++) breaker.report('unhealthy', false, 0);
  return breaker;
};

test('five failures in a row open it; a success between them does not', () => {
  const breaker = new CircuitBreaker(defaultBreakerPolicy);
  for (let failure = 0; failure < 4; failure++) breaker.report('unhealthy', false, 0);
  breaker.report('healthy', false, 0);
  for (let failure = 0; failure < 4; failure++) breaker.report('unhealthy', false, 0);
  assert.equal(breaker.state, 'closed');
  breaker.report('unhealthy', false, 0);
  assert.equal(breaker.state, 'open');
  assert.deepEqual(breaker.ask(1_000), { allowed: false, retryInMs: 59_000 });
});

test('after 60 s three pass at once, and three successes close it', () => {
  const breaker = open();
  for (let probe = 0; probe < 3; probe++)
    assert.deepEqual(breaker.ask(60_000), { allowed: true, probe: true });
  assert.equal(breaker.ask(60_000).allowed, false);
  for (let probe = 0; probe < 3; probe++) breaker.report('healthy', true, 60_100);
  assert.equal(breaker.state, 'closed');
  assert.deepEqual(breaker.ask(60_200), { allowed: true, probe: false });
});

test('one failure while half open opens it for another 60 s', () => {
  const breaker = open();
  breaker.ask(60_000);
  breaker.report('healthy', true, 60_010);
  breaker.ask(60_010);
  breaker.report('unhealthy', true, 60_020);
  assert.equal(breaker.state, 'open');
  assert.equal(breaker.ask(120_019).allowed, false);
  assert.equal(breaker.ask(120_020).allowed, true);
});

test('a probe that never comes back does not keep it half open for ever', () => {
  const breaker = open();
  for (let probe = 0; probe < 3; probe++) breaker.ask(60_000);
  assert.equal(breaker.ask(119_999).allowed, false);
  assert.equal(breaker.ask(120_000).allowed, true);
});

test('whatever happens, it lets some through again once the time has passed', () => {
  const action = fc.record({
    health: fc.constantFrom('healthy', 'unhealthy', 'unknown' as const),
    waitMs: fc.integer({ min: 0, max: 100_000 }),
    reports: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const breaker = new CircuitBreaker(defaultBreakerPolicy);
      let now = 0;
      for (const { health, waitMs, reports } of actions) {
        now += waitMs;
        const permission = breaker.ask(now);
        if (permission.allowed && reports) breaker.report(health, permission.probe, now);
      }
      assert.equal(breaker.ask(now + 60_000).allowed, true);
    }),
  );
});

test('the breakers of many endpoints are bounded; the ones in use stay', () => {
  const breakers = new CircuitBreakers(defaultBreakerPolicy, 2);
  const first = breakers.of('a');
  breakers.of('b');
  assert.equal(breakers.of('a'), first);
  breakers.of('c');
  assert.equal(breakers.of('a'), first);
  for (let failure = 0; failure < 5; failure++) first.report('unhealthy', false, 0);
  assert.deepEqual(breakers.open(), [{ url: 'a', state: 'open' }]);
});
