-- Events that the search has not looked at yet, behind which it has gone on: what is new is found before what is old.

ALTER TABLE projections ADD COLUMN gap_after BIGINT;
ALTER TABLE projections ADD COLUMN gap_to BIGINT;
