import assert from 'node:assert/strict';
import type { Receiver } from '../fixtures/receiver.ts';
import type { ServerProcess } from '../fixtures/server-process.ts';

/** Whoever takes questions. */
export type Asked = Pick<ServerProcess, 'url' | 'output'>;

const questions = [
  'What is the deal status for IXIS?',
  'What deals are closing this quarter?',
  'Show me pipeline analysis for Q4',
  'win rate by region last year',
  'which open deals look stale?',
  'new leads this month by source',
  'hello there',
];

/** The order of a life; each of these once. A failed delivery may come between queueing and success, any number of times. */
export const life: readonly string[] = [
  'WEBHOOK_REQUEST_RECEIVED',
  'WEBHOOK_MANAGER_AGENT_INVOKED',
  'WEBHOOK_MANAGER_AGENT_RESPONSE',
  'WEBHOOK_RESPONSE_CLASSIFIED',
  'WEBHOOK_OUTBOUND_QUEUED',
  'WEBHOOK_DELIVERY_SUCCESS',
  'WEBHOOK_CONVERSATION_COMPLETED',
];

/** The body of a request that asks. */
export function questionBody(n: number): string {
  return JSON.stringify({
    query: questions[n % questions.length],
    source_system: 'chaos',
    source_process: 'main job',
    timestamp: new Date().toISOString(),
  });
}

/** Posts one question. Throws when the server is gone in the middle of it. */
export function postQuestion(server: Asked, n: number, more: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}/webhook`, {
    method: 'POST',
    body: questionBody(n),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  });
}

/**
 * Each question that was answered with 202 comes to its end: its record is complete and in order, and it is delivered, signed,
 * under one `webhook-id`.
 */
export async function checkAnswered(
  server: Asked,
  receiver: Receiver,
  accepted: readonly string[],
): Promise<void> {
  for (const trackingId of accepted) {
    const types = await eventTypes(server, trackingId);
    const without = types.filter((type) => type !== 'WEBHOOK_DELIVERY_FAILED');
    assert.deepEqual(without, life, `the record of ${trackingId}`);
  }
  const webhookIds = new Map<string, Set<string>>();
  for (const delivery of receiver.received) {
    const { tracking_id: trackingId, webhook_metadata: metadata } = JSON.parse(delivery.body) as {
      tracking_id: string;
      webhook_metadata: { delivery_id: string };
    };
    assert.equal(delivery.verified, true, 'each delivery is signed');
    assert.equal(delivery.headers['webhook-id'], metadata.delivery_id);
    webhookIds.set(trackingId, (webhookIds.get(trackingId) ?? new Set()).add(metadata.delivery_id));
  }
  for (const trackingId of accepted) {
    assert.equal(webhookIds.get(trackingId)?.size, 1, `${trackingId} was delivered under one webhook-id`);
  }
}

/** The types of a conversation's events, read from the stream until it ends. */
async function eventTypes(server: Asked, trackingId: string): Promise<string[]> {
  const text = await streamToEnd(server, trackingId);
  return [...text.matchAll(/^data: (.*)$/gm)].map(
    (match) => (JSON.parse(match[1]!) as { event_type: string }).event_type,
  );
}

async function streamToEnd(server: Asked, trackingId: string): Promise<string> {
  const url = `${server.url}/webhook/${trackingId}`;
  try {
    const response = await fetch(`${url}/events`, { signal: AbortSignal.timeout(60_000) });
    return await response.text();
  } catch (error) {
    const state = await (await fetch(url)).text();
    throw new Error(`${trackingId} has not come to its end: ${state}\n${server.output()}`, { cause: error });
  }
}
