-- Whether a process lives, and the runs that were executing when one died: only those that were taken up after that.

CREATE TABLE process (
  alive  INTEGER NOT NULL
) STRICT;

INSERT INTO process VALUES (0);

CREATE TABLE suspects (
  run        INTEGER PRIMARY KEY,
  deaths     INTEGER NOT NULL, -- without progress in between
  progress   INTEGER NOT NULL, -- how far the run had come when it was taken up
  in_flight  INTEGER NOT NULL
) STRICT;
