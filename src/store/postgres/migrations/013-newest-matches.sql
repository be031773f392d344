-- Words beside the part of the log that their conversation begins in, so that the newest matches are found without a look at all the others.

DROP INDEX search_0_words;
DROP INDEX search_1_words;
-- What waits to be sorted into the index is read by every search.
CREATE INDEX search_0_words ON search_0 USING gin (words, (ARRAY[id >> 12])) WITH (gin_pending_list_limit = 256);
CREATE INDEX search_1_words ON search_1 USING gin (words, (ARRAY[id >> 12])) WITH (gin_pending_list_limit = 256);

ANALYZE search_0;
ANALYZE search_1;
