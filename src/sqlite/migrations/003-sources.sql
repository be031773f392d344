-- The systems that send webhooks: each as the JSON of its definition, secrets included.

CREATE TABLE sources (
  name        TEXT NOT NULL PRIMARY KEY,
  definition  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
