-- Sekisho's first tables. The same on both databases but for the type of bytes.
-- Instants are microseconds since the epoch; a stamp is one that is unique and in commit order.

-- The hub's secrets, made at its first start.
CREATE TABLE hub (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Counter rows, taken inside the transaction that uses the number: a sequence is no commit order.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('stamp', 0), ('audience', 0), ('ledger', 0);

-- Every version of the council file that was applied.
CREATE TABLE council (
    version    BIGINT PRIMARY KEY,
    applied_at BIGINT NOT NULL,
    file       TEXT NOT NULL
);

-- Keys and passwords, as keyed hashes only.
CREATE TABLE credential (
    hash       BYTEA PRIMARY KEY,
    principal  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    issued_at  BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX credential_of ON credential (principal);

-- Keys that sign access tokens; the newest that is not retired signs, all unretired ones verify.
CREATE TABLE signing_key (
    kid        TEXT PRIMARY KEY,
    pkcs8      BYTEA NOT NULL,
    public     BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

-- Interned audiences: who is in one follows from the directory, never from this table.
CREATE TABLE audience (
    id         BIGINT PRIMARY KEY,
    digest     BYTEA NOT NULL UNIQUE,
    definition TEXT NOT NULL
);

-- One version of one item: a report, or a posted STIX object.
CREATE TABLE item_version (
    key         BIGINT PRIMARY KEY,
    item        TEXT COLLATE "C" NOT NULL, -- the report's id, or "<source body> <STIX id>"
    version     BIGINT NOT NULL,           -- 1, 2, … in order of acceptance
    kind        TEXT NOT NULL,             -- incident_cause, best_practice, …, stix
    ceptoar     TEXT NOT NULL,             -- whose rules apply
    submitter_body TEXT NOT NULL,
    submitter   TEXT NOT NULL,
    operator    TEXT,                      -- the operator it came from, where known
    level       TEXT NOT NULL,             -- "<scheme> v<version> <level>", as resolved
    rule        TEXT NOT NULL,             -- the joined common rule, JSON
    clauses     TEXT NOT NULL,             -- who decided which dimension, JSON
    state       TEXT NOT NULL,             -- released, held, refused, superseded
    holds       TEXT NOT NULL,             -- why it is held, JSON list
    generalises TEXT,                      -- the item it re-tells for a wider audience
    received_at BIGINT NOT NULL,
    UNIQUE (item, version)
);
CREATE INDEX item_version_held ON item_version (ceptoar, key) WHERE state = 'held';

-- Content: one row per object and form, byte for byte as it is served.
CREATE TABLE object (
    key          BIGINT PRIMARY KEY,
    item_version BIGINT,                   -- null: a support object, such as a marking
    form         TEXT NOT NULL,            -- identified, anonymised
    stix_id      TEXT COLLATE "C" NOT NULL,
    type         TEXT NOT NULL,
    version      TEXT COLLATE "C" NOT NULL, -- modified, else created, as written
    version_at   BIGINT NOT NULL,
    digest       BYTEA NOT NULL,          -- of the canonical content
    bytes        TEXT NOT NULL,
    report       TEXT                      -- the report as JSON, on the STIX report that ties it
);
CREATE INDEX object_by_stix_id ON object (stix_id, version_at);
CREATE INDEX object_of_item ON object (item_version);

-- The release log: this object, at this time. Append-only.
CREATE TABLE release (
    stamp        BIGINT PRIMARY KEY,       -- TAXII's date_added
    object       BIGINT NOT NULL,
    item_version BIGINT,
    side         TEXT NOT NULL,            -- desk, inside, outside, support
    kind         TEXT NOT NULL,            -- of the item
    twin         TEXT NOT NULL,            -- see store/feed.rs: '', shared, standin
    not_after    BIGINT
);
CREATE INDEX release_of_item ON release (item_version, side);
CREATE INDEX release_of_object ON release (object);

-- Who reads which entry. live: no newer version of it has been released to the same side.
CREATE TABLE feed (
    audience BIGINT NOT NULL,
    live     BOOLEAN NOT NULL,
    stamp    BIGINT NOT NULL,
    report   BOOLEAN NOT NULL,             -- the entry is a whole report's
    PRIMARY KEY (audience, live, stamp)
);
CREATE INDEX feed_entry ON feed (stamp);
CREATE INDEX feed_reports ON feed (audience, stamp) WHERE report = TRUE AND live = TRUE;

-- Whose consent is asked, and what they said.
CREATE TABLE approval (
    item_version BIGINT NOT NULL,
    approver     TEXT NOT NULL,
    mode         TEXT NOT NULL,
    due_at       BIGINT,
    PRIMARY KEY (item_version, approver)
);
CREATE INDEX approval_of ON approval (approver);
CREATE TABLE vote (
    item_version BIGINT NOT NULL,
    approver     TEXT NOT NULL,
    principal    TEXT NOT NULL,
    yes          BOOLEAN NOT NULL,
    comment      TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, approver, principal)
);

-- What is to be told to whom is written with the release.
CREATE TABLE outbox (
    stamp        BIGINT PRIMARY KEY,
    item_version BIGINT NOT NULL,
    event        TEXT NOT NULL
);

-- Every decision: a salted commitment (RFC 6962 leaf) and, for the parties, its opening.
CREATE TABLE ledger (
    idx    BIGINT PRIMARY KEY,
    at     BIGINT NOT NULL,
    leaf   BYTEA NOT NULL,
    salt   BYTEA NOT NULL,
    record TEXT NOT NULL
);

-- Answers to requests that carried an Idempotency-Key.
CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    key       TEXT NOT NULL,
    digest    BYTEA NOT NULL,
    answer    TEXT NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (principal, key)
);

-- TAXII status resources, readable by who posted.
CREATE TABLE taxii_status (
    id        TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    at        BIGINT NOT NULL,
    body      TEXT NOT NULL
);
