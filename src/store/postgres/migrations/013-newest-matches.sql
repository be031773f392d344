-- Words beside the part of the log that their conversation begins in, so that the newest matches are found without a look at all the others.

DROP INDEX search_0_words;
DROP INDEX search_1_words;
-- Blocks of numbers, of blocks and of those, with what kind they are in their last two bits; first of all, so that nothing outside of them is looked at. What waits to be sorted into the index is read by every search.
CREATE INDEX search_0_words ON search_0 USING gin ((ARRAY[(id >> 12) * 4, (id >> 15) * 4 + 1, (id >> 18) * 4 + 2]), words) WITH (gin_pending_list_limit = 64);
CREATE INDEX search_1_words ON search_1 USING gin ((ARRAY[(id >> 12) * 4, (id >> 15) * 4 + 1, (id >> 18) * 4 + 2]), words) WITH (gin_pending_list_limit = 64);

ANALYZE search_0;
ANALYZE search_1;
