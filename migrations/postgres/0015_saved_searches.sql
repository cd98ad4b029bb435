-- Searches that their owner asks again and again. Nothing is written here when an item is released: what
-- is new is asked of the log, under the rule as it is then.
CREATE TABLE saved_search (
    id         TEXT COLLATE "C" PRIMARY KEY,
    principal  TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    search     TEXT COLLATE "C" NOT NULL,              -- words and filters by name, JSON
    created_at BIGINT NOT NULL,
    mark       BIGINT NOT NULL,            -- the last entry its owner had when it was last looked at
    looked_at  BIGINT NOT NULL,
    UNIQUE (principal, name)
);
