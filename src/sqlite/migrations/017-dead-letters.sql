-- Runs that failed and were not started anew are found and counted however many were started anew.

-- With the columns of its condition, so that counting reads nothing else.
CREATE INDEX runs_dead_letters ON runs (id, flow, status, restarted_as) WHERE status = 'failed' AND restarted_as IS NULL;
