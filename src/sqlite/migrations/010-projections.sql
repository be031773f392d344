-- The projections that follow the log, how far each has come, and what is searched and counted.

CREATE TABLE projections (
  name             TEXT NOT NULL PRIMARY KEY,
  generation       INTEGER NOT NULL, -- which of two is read
  position         INTEGER NOT NULL, -- the last event that it has looked at
  next_position    INTEGER,          -- the same of the other generation, while it is made anew
  changed          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO projections (name, generation, position) VALUES ('conversations', 0, 0), ('search', 0, 0), ('statistics', 0, 0);

-- Words of questions and answers, by the id of their conversation. The texts themselves are in the events.
CREATE VIRTUAL TABLE search_0 USING fts5(question, answer, facets, content='', contentless_delete=1, tokenize='ascii');
CREATE VIRTUAL TABLE search_1 USING fts5(question, answer, facets, content='', contentless_delete=1, tokenize='ascii');

-- Merging is done in pieces beside the writing, not by whoever happens to write.
INSERT INTO search_0 (search_0, rank) VALUES ('automerge', 0), ('crisismerge', 1999);
INSERT INTO search_1 (search_1, rank) VALUES ('automerge', 0), ('crisismerge', 1999);

CREATE TRIGGER conversations_removed AFTER DELETE ON conversations BEGIN
  DELETE FROM search_0 WHERE rowid = old.id;
  DELETE FROM search_1 WHERE rowid = old.id;
END;

-- Completed conversations by the minute, five minutes, hour and day. Times are milliseconds.
CREATE TABLE statistics (
  generation      INTEGER NOT NULL,
  period          INTEGER NOT NULL, -- its length
  start           INTEGER NOT NULL,
  webhook_type    TEXT NOT NULL,
  delivered       INTEGER NOT NULL,
  failed          INTEGER NOT NULL,
  not_configured  INTEGER NOT NULL,
  total_ms        INTEGER NOT NULL,
  least_ms        INTEGER NOT NULL,
  most_ms         INTEGER NOT NULL,
  times           TEXT NOT NULL,    -- slots and counts in turn, as JSON
  PRIMARY KEY (generation, period, start, webhook_type)
) STRICT;
