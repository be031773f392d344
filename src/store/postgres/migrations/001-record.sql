-- The record: its events, and the conversations that are projected from them. Endpoints that may not be delivered to. Sources.
-- Times are milliseconds since the epoch. `json` keeps a text as it was written, escapes included that `jsonb` refuses.

CREATE TABLE events (
  -- Smaller numbers are for what is copied from elsewhere, and was there before.
  sequence     BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 1000000000000) PRIMARY KEY,
  id           TEXT NOT NULL,
  tracking_id  TEXT NOT NULL,
  type         TEXT NOT NULL,
  at           BIGINT NOT NULL,
  data         JSON NOT NULL,
  CONSTRAINT events_by_conversation UNIQUE (tracking_id, id)
);

CREATE TABLE conversations (
  id               BIGINT NOT NULL UNIQUE, -- the order of arrival: the sequence of the first event
  tracking_id      TEXT PRIMARY KEY,
  conversation_id  TEXT NOT NULL,
  delivery_id      TEXT NOT NULL,
  status           TEXT NOT NULL CHECK (status IN
    ('queued', 'processing', 'awaiting_approval', 'delivering', 'delivered', 'delivery_failed', 'failed')),
  delivery_status  TEXT NOT NULL,
  complete         BOOLEAN NOT NULL,
  source_system    TEXT NOT NULL,
  source_process   TEXT NOT NULL,
  webhook_type     TEXT NOT NULL,
  query_start      TEXT NOT NULL, -- the whole query is in the first event
  received_at      BIGINT NOT NULL,
  answered_at      BIGINT,
  completed_at     BIGINT,
  next_attempt_at  BIGINT,
  answer_time_ms   BIGINT,
  total_time_ms    BIGINT,
  attempts         BIGINT NOT NULL,
  problem          TEXT,
  export_prefix    TEXT
);

CREATE INDEX conversations_by_status ON conversations (status, id);
CREATE INDEX conversations_by_source ON conversations (source_system, id);
CREATE INDEX conversations_by_type ON conversations (webhook_type, id);

CREATE TABLE disabled_endpoints (
  url          TEXT PRIMARY KEY,
  disabled_at  BIGINT NOT NULL,
  reason       TEXT NOT NULL
);

-- The systems that send webhooks: each as the JSON of its definition, secrets included.
CREATE TABLE sources (
  name        TEXT PRIMARY KEY,
  definition  JSON NOT NULL
);
