import type { JsonObject } from '../core/json.ts';
import type { Redactor } from '../core/redact.ts';
import type { Conversation } from './conversation.ts';

/** What may leave of a conversation. */
export type RedactConversation = (conversation: Conversation) => Conversation;

export const conversationRedactor =
  (redactor: Redactor): RedactConversation =>
  (conversation) =>
    redactConversation(conversation, redactor);

/**
 * A conversation as it may leave: everything that a sender, an agent, a tool or a receiver wrote is redacted. Fields are named by
 * their path from `extra` and from `tool_calls` (`extra.customer.ssn`, `tool_calls.input.token`).
 */
function redactConversation(conversation: Conversation, { text, json }: Redactor): Conversation {
  const below = (name: string, value: JsonObject): JsonObject => json({ [name]: value })[name] as JsonObject;
  const orNull = (value: string | null) => (value === null ? null : text(value));
  const { answer, error } = conversation;
  return {
    ...conversation,
    query: text(conversation.query),
    queryStart: text(conversation.queryStart),
    problem: orNull(conversation.problem),
    extra: below('extra', conversation.extra),
    error: error && { ...error, message: text(error.message) },
    answer: answer && {
      ...answer,
      response: text(answer.response),
      responsePlain: text(answer.responsePlain),
      toolCalls: answer.toolCalls.map(({ input, output, ...call }) => ({
        ...call,
        ...(json({ tool_calls: { input, output } }).tool_calls as { input: JsonObject; output: JsonObject }),
      })),
    },
    deliveries: conversation.deliveries.map((delivery) => ({
      ...delivery,
      webhookUrl: text(delivery.webhookUrl),
      reason: orNull(delivery.reason),
    })),
  };
}
