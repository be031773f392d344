-- The keys that values may be under (`plain` stands for none), and the key of the hashes that are searched.

CREATE TABLE encryption_keys (
  id             TEXT PRIMARY KEY,
  first_used_at  BIGINT NOT NULL
);

ALTER TABLE projections ADD COLUMN key_id TEXT;
ALTER TABLE projections ADD COLUMN next_key_id TEXT; -- of the other generation, while it is made anew
