-- The journal of the embedded engine: runs, their operations, signals and idempotency keys.
-- Times are milliseconds since the epoch; values are JSON.

CREATE TABLE runs (
  id               INTEGER PRIMARY KEY,
  run_id           TEXT NOT NULL UNIQUE,
  flow             TEXT NOT NULL,
  version          INTEGER NOT NULL,
  status           TEXT NOT NULL CHECK (status IN ('queued', 'waiting', 'paused', 'succeeded', 'failed', 'cancelled')),
  input            TEXT NOT NULL,
  output           TEXT,
  error            TEXT,
  cancel_reason    TEXT, -- set while a request to cancel has not reached the flow
  parent           INTEGER,
  parent_position  INTEGER,
  restart_of       TEXT,
  restarted_as     TEXT,
  created_at       INTEGER NOT NULL,
  ended_at         INTEGER
) STRICT;

CREATE INDEX runs_unfinished ON runs (status) WHERE ended_at IS NULL;
CREATE INDEX runs_failed ON runs (id) WHERE status = 'failed';
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;

CREATE TABLE operations (
  run         INTEGER NOT NULL,
  position    INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('run', 'sleep', 'signal', 'call', 'start')),
  name        TEXT NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('pending', 'retrying', 'succeeded', 'failed')),
  sequence    INTEGER, -- the order in which the operations of the run ended
  attempts    INTEGER NOT NULL DEFAULT 0,
  target      TEXT, -- the child's run id, or which wait on its name a signal is
  due_at      INTEGER,
  result      TEXT,
  error       TEXT,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_due ON operations (due_at) WHERE due_at IS NOT NULL AND ended_at IS NULL;

-- Each value for a wait, and each wait that timed out (without a payload): which wait on the name, counted from 1.
CREATE TABLE signals (
  run_id       TEXT NOT NULL,
  name         TEXT NOT NULL,
  occurrence   INTEGER NOT NULL,
  payload      TEXT,
  received_at  INTEGER NOT NULL,
  PRIMARY KEY (run_id, name, occurrence)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  key          TEXT NOT NULL PRIMARY KEY,
  run          INTEGER NOT NULL,
  fingerprint  TEXT NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
