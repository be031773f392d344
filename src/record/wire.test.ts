import assert from 'node:assert/strict';
import { test } from 'node:test';
import { event, toRecordedEvent } from './events.ts';
import { toWire } from './wire.ts';

test("the time of an event is its own, the sender's time keeps another name", () => {
  const fact = event('WEBHOOK_REQUEST_RECEIVED', 'tracking', {
    conversationId: 'c',
    deliveryId: 'd',
    sourceSystem: 's',
    sourceProcess: 'p',
    webhookType: 'general',
    query: 'q',
    timestamp: '2020-01-01T00:00:00+02:00',
    extra: {},
    queuedAt: '2026-08-14T09:18:33.360Z',
    estimatedProcessingTime: '30-60 seconds',
    requestSizeBytes: 1,
  });
  const at = Date.parse('2026-08-14T09:18:33.360Z');
  const wire = toWire(toRecordedEvent({ ...fact, id: 'i', at }, 1));
  assert.equal(wire.timestamp, '2026-08-14T09:18:33.360Z');
  assert.equal(wire.request_timestamp, '2020-01-01T00:00:00+02:00');
});
