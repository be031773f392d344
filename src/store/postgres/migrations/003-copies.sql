-- What is copied from elsewhere, and how far: one row for each record that is copied into this one.

CREATE TABLE copies (
  number       BIGINT PRIMARY KEY, -- from 0; its events have the numbers that they had, and so many thousand millions more
  copied       BIGINT NOT NULL,    -- the last event, by the number that it had
  finished_at  BIGINT              -- when all of it was there for the first time
);
