-- When a run begins that was started for later; `delayed` until that time has come.

ALTER TABLE runs ADD COLUMN start_at INTEGER;
ALTER TABLE runs ADD COLUMN delayed INTEGER;

CREATE INDEX runs_delayed ON runs (start_at) WHERE delayed = 1 AND ended_at IS NULL;
