-- Who may call: keys and sessions of which only hashes are kept, and tokens that were used. What operators did is found without a search.

CREATE TABLE api_keys (
  id            TEXT NOT NULL PRIMARY KEY,
  name          TEXT NOT NULL,
  scopes        TEXT NOT NULL, -- with spaces between
  sha256        TEXT NOT NULL UNIQUE,
  created_at    INTEGER NOT NULL,
  created_by    TEXT NOT NULL,
  expires_at    INTEGER,
  revoked_at    INTEGER,
  last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  sha256      TEXT NOT NULL PRIMARY KEY,
  name        TEXT NOT NULL,
  scopes      TEXT NOT NULL,
  key_id      TEXT,
  created_at  INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE used_tokens (
  id          TEXT NOT NULL PRIMARY KEY,
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_tokens_by_end ON used_tokens (expires_at);

CREATE INDEX events_of_operators ON events (type) WHERE type = 'OPERATOR_ACT';
