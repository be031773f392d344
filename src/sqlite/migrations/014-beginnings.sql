-- The beginnings of words are searched by a column of their own, and what is new can be put into the search before what is old.

ALTER TABLE projections ADD COLUMN gap_after INTEGER;
ALTER TABLE projections ADD COLUMN gap_to INTEGER;

DROP TABLE search_0;
DROP TABLE search_1;

-- The first column, as places in it take the fewest bytes.
CREATE VIRTUAL TABLE search_0 USING fts5(beginnings, question, answer, facets, content='', contentless_delete=1, tokenize='ascii');
CREATE VIRTUAL TABLE search_1 USING fts5(beginnings, question, answer, facets, content='', contentless_delete=1, tokenize='ascii');

INSERT INTO search_0 (search_0, rank) VALUES ('automerge', 0), ('crisismerge', 1999);
INSERT INTO search_1 (search_1, rank) VALUES ('automerge', 0), ('crisismerge', 1999);

UPDATE projections SET position = 0, next_position = NULL WHERE name = 'search';
