import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedactor } from '../../core/redact.ts';
import { contentLimit, contentThrough } from './content.ts';
import { createSampler } from './sampler.ts';
import type { SpanData } from './span.ts';
import { Tracer } from './tracer.ts';

const redactor = createRedactor({ kinds: ['secrets', 'email'], fields: ['tool_calls.input.token'] });
const secret = `ghp_${'Ab1'.repeat(12)}`;

/** The spans of an attempt whose agent calls a tool and then fails. */
function spansOf(content: boolean): SpanData[] {
  const spans: SpanData[] = [];
  const tracer = new Tracer({
    emit: (span) => spans.push(span),
    sampler: createSampler('always_on'),
    redact: (text) => redactor.text(text),
    ...(content && { content: contentThrough(redactor) }),
  });
  const context = { idempotencyKey: 'run/1', attempt: 2 };
  const question = `What of anna@example.com? ${'x'.repeat(contentLimit)}`;
  const trace = tracer.agentTrace({}, context, { agent: 'a', sessionId: 's', question });
  const call = { tool: 'warehouse.query', startedAt: 1_000, durationMs: 5 };
  const input = { token: 'hush', sql: `SELECT '${secret}'` };
  trace.toolCalled({ ...call, input, output: { rows: 3 } });
  const error = new TypeError(`no such user anna@example.com with ${secret}`);
  trace.toolCalled({ ...call, startedAt: 2_000, input: {}, output: {}, error });
  const about = { flow: 'query', runId: 'run', input: {}, step: 'manager agent', key: 'run/1', facts: [] };
  tracer.attempted({ ...about, attempt: 2, startedAt: 900, endedAt: 2_100, error });
  return spans;
}

test('spans have no content by default, and where it is wanted it is redacted and not too long', () => {
  const bare = JSON.stringify(spansOf(false));
  assert.doesNotMatch(bare, /anna|ghp_|hush|SELECT|rows|What of/);
  const [first, second, agent] = spansOf(true);
  assert.deepEqual(JSON.parse(String(first!.attributes['gen_ai.tool.call.arguments'])), {
    token: '[redacted]',
    sql: "SELECT '[redacted]'",
  });
  assert.equal(first!.attributes['gen_ai.tool.call.result'], '{"rows":3}');
  assert.equal(second!.attributes['gen_ai.tool.call.result'], undefined);
  const [message] = JSON.parse(String(agent!.attributes['gen_ai.input.messages']));
  assert.match(message.parts[0].content, /^What of \[redacted\]\? x+…$/);
  assert.equal(message.parts[0].content.length, contentLimit + 1);
  assert.equal(agent!.attributes['gen_ai.output.messages'], undefined);
});

test('an attempt that fails has its agent, and the tools that were called before, each when it was', () => {
  const [first, second, agent] = spansOf(false);
  assert.deepEqual([first!.startedAt, first!.endedAt, second!.startedAt], [1_000, 1_005, 2_000]);
  assert.ok([first, second].every((tool) => tool!.parentSpanId === agent!.spanId));
  assert.deepEqual([second!.attributes['error.type'], agent!.name], ['TypeError', 'invoke_agent a']);
  assert.equal(second!.error, 'no such user [redacted] with [redacted]');
  assert.equal(agent!.error, second!.error);
});
