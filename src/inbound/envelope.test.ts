import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  eventBridgeEvent,
  snsNotification,
  snsRecords,
  sqsRecords,
} from '../../test/fixtures/aws-envelopes.ts';
import type { Json } from '../core/json.ts';
import { openEnvelope } from './envelope.ts';

const trigger = { definition_id: 'query', input_data: { query: 'What is open?' } };
const text = JSON.stringify;

describe('envelopes of AWS', () => {
  test('EventBridge: an event of the type and the source that it has', () => {
    const event = eventBridgeEvent();
    assert.deepEqual(openEnvelope(event), [
      {
        channel: 'eventbridge',
        id: event.id,
        event: {
          deliveryId: text([event.source, event.id]),
          eventType: 'EC2 Instance State-change Notification',
          eventSource: 'aws.ec2',
          payload: event,
        },
      },
    ]);
  });

  test('SQS: each message an event, its JSON the payload, other text the message', () => {
    const opened = openEnvelope(sqsRecords('Test message.', '{"order":7}', ''))!;
    assert.deepEqual(
      opened.map(({ id, event }) => [id.slice(-4), event?.eventType, event?.payload]),
      [
        ['0000', 'com.amazonaws.sqs.message', { message: 'Test message.' }],
        ['0001', 'com.amazonaws.sqs.message', { order: 7 }],
        ['0002', 'com.amazonaws.sqs.message', { message: '' }],
      ],
    );
    assert.equal(opened[0]!.event?.eventSource, 'arn:aws:sqs:us-east-2:123456789012:my-queue');
    const received = openEnvelope({ MessageId: 'm', ReceiptHandle: 'r', Body: '{"order":7}' })!;
    assert.deepEqual([received[0]!.channel, received[0]!.event?.payload], ['sqs', { order: 7 }]);
  });

  test('SNS: over HTTPS and to a function', () => {
    const [posted] = openEnvelope(snsNotification())!;
    assert.deepEqual([posted!.channel, posted!.id], ['sns', '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324']);
    assert.deepEqual(posted!.event?.payload, { message: 'Hello world!', subject: 'My First Message' });
    assert.equal(posted!.event?.eventSource, 'arn:aws:sns:us-west-2:123456789012:MyTopic');
    const [invoked] = openEnvelope(snsRecords())!;
    assert.equal(invoked!.event?.deliveryId, '95df01b4-ee98-5cb9-9903-4c221d41eb5e');
  });

  test('a trigger in each of them has the id of AWS, or its own', () => {
    const ids = (value: Json) => openEnvelope(value)!.map((one) => one.trigger?.execution_id);
    const bridged = { 'detail-type': 'workflow', source: 'crm', detail: trigger };
    assert.deepEqual(ids(eventBridgeEvent(bridged)), ['eventbridge:6a7e8feb-b491-4cf7-a9f1-bf3703467718']);
    assert.deepEqual(ids(sqsRecords(text(trigger), text({ ...trigger, execution_id: 'own' }))), [
      'sqs:059f36b4-87a3-44ab-83d2-661975830000',
      'own',
    ]);
    assert.deepEqual(ids(snsNotification(text(trigger))), ['sns:22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324']);
  });

  test('envelopes in envelopes: a queue that is subscribed to a topic that a rule writes to', () => {
    const inner = eventBridgeEvent();
    const [opened] = openEnvelope(sqsRecords(text(snsNotification(text(inner)))))!;
    assert.deepEqual(opened, openEnvelope(inner)![0]);
    let deep: object = inner;
    for (let depth = 0; depth < 20; depth++) deep = snsNotification(text(deep));
    assert.equal(openEnvelope(deep as Json)!.length, 1, 'what is deeper is a message');
  });

  test('a CloudEvent in a message is that event', () => {
    const event = { specversion: '1.0', id: 'e', source: '/shop', type: 'order.paid', data: { order: 7 } };
    const [opened] = openEnvelope(sqsRecords(text(event)))!;
    assert.deepEqual(opened!.event, {
      ...{ deliveryId: '["/shop","e"]', eventType: 'order.paid', eventSource: '/shop', payload: event },
    });
  });

  test('what is no envelope is none, whatever it is', () => {
    const others: Json[] = [
      null,
      7,
      'Records',
      [],
      {},
      { Records: [] },
      { Records: [{ eventSource: 'aws:s3' }] },
      trigger,
    ];
    for (const other of others) assert.equal(openEnvelope(other), undefined);
    fc.assert(fc.property(fc.jsonValue(), (value) => openEnvelope(value as Json) === undefined || true));
  });
});
