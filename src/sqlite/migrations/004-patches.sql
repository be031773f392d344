-- What step.patched has answered with true to a run: names, as a JSON array.

ALTER TABLE runs ADD COLUMN patches TEXT;
