-- Lists of reports that a principal keeps with notes; nobody else reads them.
CREATE TABLE working_set (
    id         TEXT COLLATE "C" PRIMARY KEY,
    principal  TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    note       TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,            -- counted from 1, by each change of the list or a note
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX working_set_principal ON working_set (principal, created_at);

-- What was put into them, under the id by which the principal had it then.
CREATE TABLE working_set_item (
    working_set TEXT COLLATE "C" NOT NULL,
    report      TEXT COLLATE "C" NOT NULL,
    note        TEXT COLLATE "C" NOT NULL,
    added_at    BIGINT NOT NULL,
    PRIMARY KEY (working_set, report)
);
