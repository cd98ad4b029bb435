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

-- An advisory that goes through the CEPTOARs: its rule without that bound, and with it as it stands.
-- What a CEPTOAR passes on is never more than the first gives it; where the second is no longer the
-- version's own, its source has narrowed it since.
CREATE TABLE route (
    item_version BIGINT PRIMARY KEY,
    whole        TEXT NOT NULL,
    bounded      TEXT NOT NULL
);

-- Which CEPTOAR passed which advisory on to its operators.
CREATE TABLE passed_on (
    item_version BIGINT NOT NULL,
    ceptoar      TEXT COLLATE "C" NOT NULL,
    principal    TEXT COLLATE "C" NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (item_version, ceptoar)
);

-- Which advisory goes on with or ends which other one; it does while it is out.
CREATE TABLE ended (
    item    TEXT NOT NULL,
    by_item TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (item, by_item)
);
