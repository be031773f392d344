-- Events of no conversation by their time: the old ones are removed without a look at the rest.

CREATE INDEX events_of_the_system ON events (type, at) WHERE type IN
  ('OPERATOR_ACT', 'OPERATOR_ACT_ENDED', 'INBOUND_REQUEST_REFUSED', 'INBOUND_REQUESTS_REFUSED', 'WORKFLOW_TRIGGERED', 'WORKFLOW_EXECUTION_NAMED');
