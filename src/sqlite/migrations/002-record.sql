-- The record: its events, and the conversations that are projected from them. Endpoints that may not be delivered to.
-- Times are milliseconds since the epoch; data is JSON.

CREATE TABLE events (
  sequence     INTEGER PRIMARY KEY,
  id           TEXT NOT NULL,
  tracking_id  TEXT NOT NULL,
  type         TEXT NOT NULL,
  at           INTEGER NOT NULL,
  data         TEXT NOT NULL
) STRICT;

-- One index for both: an event is written once, and the events of a conversation are read together.
CREATE UNIQUE INDEX events_by_conversation ON events (tracking_id, id);

CREATE TABLE conversations (
  id               INTEGER PRIMARY KEY, -- the order of arrival
  tracking_id      TEXT NOT NULL UNIQUE,
  conversation_id  TEXT NOT NULL,
  delivery_id      TEXT NOT NULL,
  status           TEXT NOT NULL CHECK (status IN
    ('queued', 'processing', 'awaiting_approval', 'delivering', 'delivered', 'delivery_failed', 'failed')),
  delivery_status  TEXT NOT NULL,
  complete         INTEGER NOT NULL,
  source_system    TEXT NOT NULL,
  source_process   TEXT NOT NULL,
  webhook_type     TEXT NOT NULL,
  query_start      TEXT NOT NULL, -- the whole query is in the first event
  received_at      INTEGER NOT NULL,
  answered_at      INTEGER,
  completed_at     INTEGER,
  next_attempt_at  INTEGER,
  answer_time_ms   INTEGER,
  total_time_ms    INTEGER,
  attempts         INTEGER NOT NULL,
  problem          TEXT,
  export_prefix    TEXT
) STRICT;

CREATE INDEX conversations_by_status ON conversations (status, id);
CREATE INDEX conversations_by_source ON conversations (source_system, id);
CREATE INDEX conversations_by_type ON conversations (webhook_type, id);

CREATE TABLE disabled_endpoints (
  url          TEXT NOT NULL PRIMARY KEY,
  disabled_at  INTEGER NOT NULL,
  reason       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
