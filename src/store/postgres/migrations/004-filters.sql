-- Conversations by the time of their request, by process, account and conversation id; lists are in the order of that time.

ALTER TABLE conversations ADD COLUMN account TEXT;

DROP INDEX conversations_by_status;
DROP INDEX conversations_by_source;
DROP INDEX conversations_by_type;

CREATE INDEX conversations_by_time ON conversations (received_at, id);
CREATE INDEX conversations_by_status ON conversations (status, received_at, id);
CREATE INDEX conversations_by_source ON conversations (source_system, received_at, id);
CREATE INDEX conversations_by_process ON conversations (source_process, received_at, id);
CREATE INDEX conversations_by_type ON conversations (webhook_type, received_at, id);
CREATE INDEX conversations_by_account ON conversations (account, received_at, id) WHERE account IS NOT NULL;
CREATE INDEX conversations_by_conversation_id ON conversations (conversation_id);
