-- Who may call: keys and sessions of which only hashes are kept, and tokens that were used. What operators did is found without a search.

CREATE TABLE api_keys (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  scopes        TEXT NOT NULL, -- with spaces between
  sha256        TEXT NOT NULL UNIQUE,
  created_at    BIGINT NOT NULL,
  created_by    TEXT NOT NULL,
  expires_at    BIGINT,
  revoked_at    BIGINT,
  last_used_at  BIGINT
);

CREATE TABLE sessions (
  sha256      TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  scopes      TEXT NOT NULL,
  key_id      TEXT,
  created_at  BIGINT NOT NULL,
  seen_at     BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);

CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE used_tokens (
  id          TEXT PRIMARY KEY,
  claim       TEXT NOT NULL, -- of the call that used it: one that is made again finds its own
  expires_at  BIGINT NOT NULL
);

CREATE INDEX used_tokens_by_end ON used_tokens (expires_at);

CREATE INDEX events_of_operators ON events (sequence) WHERE type = 'OPERATOR_ACT';
