-- What alarms remember, and what they measure: the latest endings, and floods of refused webhooks.

CREATE TABLE alarms (
  name      TEXT NOT NULL PRIMARY KEY,
  revision  INTEGER NOT NULL,
  state     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX conversations_by_end ON conversations (completed_at, status) WHERE completed_at IS NOT NULL;
CREATE INDEX events_of_floods ON events (at) WHERE type = 'INBOUND_REQUESTS_REFUSED';
