-- The projections that follow the log, how far each has come, and what is searched and counted.

CREATE TABLE projections (
  name             TEXT PRIMARY KEY,
  generation       INTEGER NOT NULL, -- which of two is read
  position         BIGINT NOT NULL,  -- the last event that it has looked at
  next_position    BIGINT,           -- the same of the other generation, while it is made anew
  changed          BIGINT NOT NULL DEFAULT 0
);

INSERT INTO projections (name, generation, position) VALUES ('conversations', 0, 0), ('search', 0, 0), ('statistics', 0, 0);

-- Words of questions and answers with their places, and what is filtered by. The texts themselves are in the events.
CREATE TABLE search_0 (
  id     BIGINT PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
  words  TSVECTOR NOT NULL
);
CREATE TABLE search_1 (
  id     BIGINT PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
  words  TSVECTOR NOT NULL
);
CREATE INDEX search_0_words ON search_0 USING gin (words);
CREATE INDEX search_1_words ON search_1 USING gin (words);

-- Completed conversations by the minute, five minutes, hour and day. Times are milliseconds.
CREATE TABLE statistics (
  generation      INTEGER NOT NULL,
  period          BIGINT NOT NULL, -- its length
  start           BIGINT NOT NULL,
  webhook_type    TEXT NOT NULL,
  delivered       BIGINT NOT NULL,
  failed          BIGINT NOT NULL,
  not_configured  BIGINT NOT NULL,
  total_ms        BIGINT NOT NULL,
  least_ms        BIGINT NOT NULL,
  most_ms         BIGINT NOT NULL,
  times           TEXT NOT NULL,   -- slots and counts in turn, as JSON
  PRIMARY KEY (generation, period, start, webhook_type)
);
