-- What an engine whose journals are elsewhere (AWS Lambda) keeps beside them: runs, inboxes of signals, idempotency keys.

CREATE TABLE engine_records (
  key      TEXT COLLATE "C" PRIMARY KEY,
  version  BIGINT NOT NULL, -- one more with each change; only who has seen the latest changes it
  value    JSON NOT NULL,
  list     TEXT COLLATE "C",
  due_at   BIGINT -- when to look whether it is still needed
);

CREATE INDEX engine_records_by_list ON engine_records (list, key) WHERE list IS NOT NULL;
CREATE INDEX engine_records_by_due ON engine_records (due_at) WHERE due_at IS NOT NULL;
