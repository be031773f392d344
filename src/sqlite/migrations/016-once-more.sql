-- Whether a projection that is being made anew has to be made once more after that.

ALTER TABLE projections ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
