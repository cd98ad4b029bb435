-- Parts of an item that are stricter than the whole, and what an object refers to.

-- The rules of a version with parts: at 0 the whole's, then each part's joined with those before it.
-- item_version.rule is the last, so that whoever knows of no parts takes the strictest.
CREATE TABLE portion (
    item_version BIGINT NOT NULL,
    position     BIGINT NOT NULL,
    rule         TEXT NOT NULL,
    PRIMARY KEY (item_version, position)
);

-- Which stored object names which STIX id, so that what becomes of the one can follow the other.
CREATE TABLE object_ref (
    target TEXT NOT NULL,
    object BIGINT NOT NULL,
    PRIMARY KEY (target, object)
);

-- Numbers of rows that nobody is told: taking one must not move anybody's stamp.
INSERT INTO counter (name, value) VALUES ('row', 0);
