import type { AgentAnswer, ToolCall } from '../../agents/agent.ts';
import type { JsonObject } from '../../core/json.ts';
import type { RecordedToolCall } from '../../record/events.ts';

/**
 * An answer is kept as the result of a step and as the input of its delivery, each of which may be 256 KiB of JSON. So that
 * no answer is lost for its length, markdown and plain text are shortened to 80 KiB each, and the account of the tool calls
 * to 32 KiB.
 */
export const textLimitBytes = 80 * 1024;
const toolCallsLimitBytes = 32 * 1024;

export interface BoundedAnswer {
  readonly markdown: string;
  readonly plain: string;
  readonly toolCalls: readonly RecordedToolCall[];
}

export function boundedAnswer(answer: AgentAnswer): BoundedAnswer {
  return {
    markdown: boundedText(answer.markdown),
    plain: boundedText(answer.plain),
    toolCalls: boundedToolCalls(answer.toolCalls),
  };
}

/** The text, or its beginning with a notice, so that it fits the limit as JSON. */
export function boundedText(text: string, limitBytes = textLimitBytes): string {
  // A UTF-16 unit is at most 6 bytes of JSON.
  if (text.length * 6 <= limitBytes || jsonBytes(text) <= limitBytes) return text;
  const notice = `\n\n[Shortened: the whole answer has ${text.length} characters.]`;
  const room = limitBytes - jsonBytes(notice);
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (jsonBytes(text.slice(0, middle)) <= room) fits = middle;
    else tooLong = middle;
  }
  return `${text.slice(0, fits).replace(/[\uD800-\uDBFF]$/, '')}${notice}`;
}

function boundedToolCalls(calls: readonly ToolCall[]): RecordedToolCall[] {
  let roomBytes = toolCallsLimitBytes;
  return calls.slice(0, 100).map((call) => {
    const sizeBytes = jsonBytes(call.input) + jsonBytes(call.output);
    roomBytes -= Math.min(roomBytes, sizeBytes);
    const kept = roomBytes > 0;
    return {
      tool: call.tool.slice(0, 200),
      input: kept ? (call.input as JsonObject) : {},
      output: kept ? (call.output as JsonObject) : { shortened: true },
      ...(call.startedAt !== undefined && { startedAt: call.startedAt }),
      durationMs: call.durationMs,
    };
  });
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}
