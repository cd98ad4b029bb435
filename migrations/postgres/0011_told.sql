-- Who was told of a version by a delivery that was taken: the first time. Of advisories alone.
CREATE TABLE told (
    item_version BIGINT NOT NULL,
    principal    TEXT COLLATE "C" NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, principal)
);
