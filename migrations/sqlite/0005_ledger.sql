-- The ledger as a log: decisions wait here until a block seals them, and are then proved to be in it.

-- Where the decision lies in the log; null: it waits to be sealed. Set once.
ALTER TABLE ledger ADD COLUMN position BIGINT;
-- What opens the members that are sealed inside the record, JSON; null: written before there were any.
ALTER TABLE ledger ADD COLUMN members TEXT;
CREATE UNIQUE INDEX ledger_at ON ledger (position);
CREATE UNIQUE INDEX ledger_leaf ON ledger (leaf);
CREATE INDEX ledger_waiting ON ledger (idx) WHERE position IS NULL;

-- Who may open which decision: "publisher:BODY", "source:BODY", "asked:BODY.ROLE",
-- "person:NAME", "body:BODY".
CREATE TABLE ledger_party (
    party TEXT NOT NULL,
    idx   BIGINT NOT NULL,
    PRIMARY KEY (party, idx)
);

-- Whole subtrees of the log: level 0 is a block, each level above has two of the level below.
CREATE TABLE ledger_node (
    level BIGINT NOT NULL,
    idx   BIGINT NOT NULL,
    hash  BLOB NOT NULL,
    PRIMARY KEY (level, idx)
);

-- Signed checkpoints, one for each interval of wall time in which a hub ran.
CREATE TABLE ledger_checkpoint (
    size   BIGINT PRIMARY KEY,             -- leaves
    period BIGINT NOT NULL UNIQUE,         -- the interval, counted from the epoch
    note   TEXT NOT NULL                   -- C2SP signed note
);
