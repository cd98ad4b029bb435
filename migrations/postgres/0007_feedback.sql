-- What readers say of what they received, and what is known of its arrival.

-- One act of feedback: on which version, by whom, under which rule.
CREATE TABLE feedback (
    id           TEXT COLLATE "C" PRIMARY KEY,
    item         TEXT COLLATE "C" NOT NULL,            -- the item it is about, as its source has it
    item_version BIGINT NOT NULL,
    known_as     TEXT NOT NULL,            -- the id under which the giver has it
    form         TEXT NOT NULL,            -- the form in which the giver has it
    kind         TEXT NOT NULL,            -- ack, applicable, …
    principal    TEXT COLLATE "C" NOT NULL,
    body         TEXT NOT NULL,
    content      TEXT NOT NULL,            -- text, dates and figures, JSON
    rule         TEXT NOT NULL,            -- the item's rule joined with the giver's default, JSON
    at           BIGINT NOT NULL,
    answer       TEXT,                     -- to a question
    answered_at  BIGINT
);
CREATE INDEX feedback_of ON feedback (item, at, id);
CREATE INDEX feedback_by ON feedback (principal, item, at, id);
CREATE INDEX feedback_on ON feedback (item_version);

-- Who opened an advisory, a person each; the first time.
CREATE TABLE opened (
    item_version BIGINT NOT NULL,
    principal    TEXT COLLATE "C" NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, principal)
);
