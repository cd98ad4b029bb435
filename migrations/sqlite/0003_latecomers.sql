-- Readers who came to be in an audience after items had been released to it. What is older than
-- their coming reaches them as entries of its own, behind every mark they may hold.
CREATE TABLE latecomer (
    principal TEXT NOT NULL,
    audience  BIGINT NOT NULL,
    since     BIGINT NOT NULL,             -- of the audience itself they read what is newer
    PRIMARY KEY (principal, audience)
);

-- Counts how often the members of audiences changed, so that every hub reads them anew.
INSERT INTO counter (name, value) VALUES ('audience_change', 0);

-- Points of contact who agreed to a way out of an item's conflict.
CREATE TABLE way_out (
    item_version BIGINT NOT NULL,
    way          TEXT NOT NULL,            -- the way, JSON
    body         TEXT NOT NULL,
    principal    TEXT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, way, body)
);

-- What a change of a level concerns.
CREATE INDEX item_version_level ON item_version (level, ceptoar);
