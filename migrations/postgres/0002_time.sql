-- Time, consent by silence, withdrawal, and who has what.

-- What happens by itself. A row is taken out by the hub that carries it out, in that transaction,
-- so each happens once however many hubs run.
CREATE TABLE due (
    at           BIGINT NOT NULL,
    item_version BIGINT NOT NULL,
    event        TEXT NOT NULL,            -- embargo, reply, expiry, downgrade, erase
    subject      TEXT NOT NULL,            -- the approver of a reply; else empty
    PRIMARY KEY (at, item_version, event, subject)
);
CREATE INDEX due_of_item ON due (item_version);

-- A reply that did not come: what the rule made of it, and who may answer instead.
ALTER TABLE approval ADD COLUMN superior TEXT;
ALTER TABLE approval ADD COLUMN lapsed_at BIGINT;
ALTER TABLE approval ADD COLUMN outcome TEXT; -- agreed, released, escalated, refused
CREATE INDEX approval_superior ON approval (superior);

-- Which entries were handed to whom: one row for each distinct page, its stamps as JSON.
CREATE TABLE served (
    principal TEXT NOT NULL,
    digest    BYTEA NOT NULL,               -- of the stamps
    at        BIGINT NOT NULL,
    low       BIGINT NOT NULL,
    high      BIGINT NOT NULL,
    stamps    TEXT NOT NULL,
    PRIMARY KEY (principal, digest)
);
CREATE INDEX served_range ON served (high, low);

-- What readers are told about an item they had: that it was withdrawn or recalled.
CREATE TABLE notice (
    id              TEXT PRIMARY KEY,
    principal       TEXT NOT NULL,
    item_version    BIGINT NOT NULL,
    kind            TEXT NOT NULL,         -- withdrawn, recalled
    objects         TEXT NOT NULL,         -- the STIX ids this reader had, JSON
    reason          TEXT NOT NULL,
    at              BIGINT NOT NULL,
    acknowledged_at BIGINT,
    comment         TEXT
);
CREATE INDEX notice_to ON notice (principal, at);
CREATE INDEX notice_of ON notice (item_version);

-- Readers who have accepted the obligations an item carries.
CREATE TABLE acceptance (
    item_version BIGINT NOT NULL,
    principal    TEXT NOT NULL,
    digest       BYTEA NOT NULL,            -- of the obligations as they were accepted
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, principal, digest)
);

-- What an item was made of: it carries the join of these (law 7).
CREATE TABLE part (
    item_version BIGINT NOT NULL,
    part         BIGINT NOT NULL,          -- the item version it was made of
    PRIMARY KEY (item_version, part)
);
CREATE INDEX part_of ON part (part);
