-- Who wants to be told of what, over which channel, and what became of it. What there is to tell is the
-- release log itself, so nothing is written here when an item is released (ADR 0016).
DROP TABLE outbox;

CREATE TABLE subscription (
    id         TEXT PRIMARY KEY,
    principal  TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    definition TEXT NOT NULL,              -- what, how, when: JSON
    state      TEXT NOT NULL,              -- active, behind, paused, stopped
    reason     TEXT NOT NULL,              -- why the hub stopped it
    mark       BIGINT NOT NULL,            -- nothing up to this stamp is to become a delivery
    last       BIGINT NOT NULL,            -- the number of its last delivery
    secret     BIGINT NOT NULL,            -- which of its signing secrets is in use, counted from 1
    retiring   BIGINT,                     -- until when the one before signs too
    failures   BIGINT NOT NULL,            -- attempts that failed since one succeeded
    not_before BIGINT NOT NULL             -- no attempt before this: the receiver asked, or is resting
);
CREATE INDEX subscription_of ON subscription (principal, created_at);
CREATE INDEX subscription_in ON subscription (state);

-- Entries of the log on their way to one subscriber. In order of their numbers, within a lane: what
-- is urgent does not wait behind what waits for the morning.
CREATE TABLE delivery (
    id            TEXT PRIMARY KEY,
    subscription  TEXT NOT NULL,
    number        BIGINT NOT NULL,
    lane          BIGINT NOT NULL,         -- 0: in its time; 1: at once
    stamps        TEXT NOT NULL,           -- of the entries, JSON
    created_at    BIGINT NOT NULL,
    state         TEXT NOT NULL,           -- waiting, delivered, withheld, dead
    next_at       BIGINT NOT NULL,         -- when it is tried (again)
    claimed_until BIGINT NOT NULL,         -- until then one process is at it
    attempts      BIGINT NOT NULL,
    UNIQUE (subscription, number)
);
CREATE INDEX delivery_waiting ON delivery (next_at) WHERE state = 'waiting';
CREATE INDEX delivery_first ON delivery (subscription, lane, number) WHERE state = 'waiting';

-- Every attempt, and what came of it.
CREATE TABLE attempt (
    delivery TEXT NOT NULL,
    number   BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    ended_at BIGINT,
    outcome  TEXT NOT NULL,                -- sending, delivered, "status 500", "no answer", …
    PRIMARY KEY (delivery, number)
);

-- Up to here the log has become deliveries, for every active subscription.
INSERT INTO counter (name, value) VALUES ('fan_out', 0);
