-- What processes share besides the record: who does what alone, and how much of a limit is used.

CREATE TABLE leases (
  name        TEXT PRIMARY KEY,
  holder      TEXT NOT NULL,
  fence       BIGINT NOT NULL, -- one more for each holder
  expires_at  TIMESTAMPTZ NOT NULL
);

-- After a crash of the server it is empty, and all windows begin anew: worth it for a count that waits for no disk.
CREATE UNLOGGED TABLE rate_windows (
  name     TEXT PRIMARY KEY,
  allowed  BIGINT NOT NULL,
  used     BIGINT NOT NULL,
  taken    BIGINT NOT NULL, -- of the statement that wrote it last
  ends_at  TIMESTAMPTZ NOT NULL
);

CREATE INDEX rate_windows_by_end ON rate_windows (ends_at);
