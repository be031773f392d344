-- Since when the content of a conversation is gone.

ALTER TABLE conversations ADD COLUMN erased_at BIGINT;
