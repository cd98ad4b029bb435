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

-- To whom a version is released, by side and form, whatever entries follow: at 0 whoever reads the
-- whole, at n whoever sees its first n parts. Deciding anew starts from here, never from the rule:
-- audiences follow the directory, and what a source narrowed stays narrowed.
CREATE TABLE released_to (
    item_version BIGINT NOT NULL,
    side         TEXT NOT NULL,
    form         TEXT NOT NULL,
    seen         BIGINT NOT NULL,
    audience     BIGINT NOT NULL,
    PRIMARY KEY (item_version, side, form, seen, audience)
);
INSERT INTO released_to (item_version, side, form, seen, audience)
    SELECT DISTINCT r.item_version, r.side, o.form, 0, f.audience FROM release r
    JOIN object o ON o.key = r.object JOIN feed f ON f.stamp = r.stamp
    JOIN audience a ON a.id = f.audience
    WHERE r.item_version IS NOT NULL AND r.side IN ('inside', 'outside')
    AND o.form IN ('identified', 'anonymised') AND a.definition LIKE '{"kind":"readers"%';
