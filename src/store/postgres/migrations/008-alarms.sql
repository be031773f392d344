-- What alarms remember, and what they measure: the latest endings, and floods of refused webhooks.

CREATE TABLE alarms (
  name      TEXT PRIMARY KEY,
  revision  BIGINT NOT NULL,
  state     JSON NOT NULL
);

CREATE INDEX conversations_by_end ON conversations (completed_at, status) WHERE completed_at IS NOT NULL;
CREATE INDEX events_of_floods ON events (at) WHERE type = 'INBOUND_REQUESTS_REFUSED';
