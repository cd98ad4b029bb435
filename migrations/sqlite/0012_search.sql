-- Finding reports by their text: candidates alone; what is found is decided where reports are read.

-- What is searched of a report in one form, folded, and its marks. It goes when nobody reads it any more.
CREATE TABLE search_text (
    object BIGINT PRIMARY KEY,
    body   TEXT NOT NULL,
    marks  TEXT NOT NULL
);

-- The tokens of the report that an entry ties; rowid is the entry's stamp.
CREATE VIRTUAL TABLE search_gram USING fts5(grams, content='', contentless_delete=1, detail=none,
    tokenize='unicode61 remove_diacritics 0');

-- What there was before is entered by whichever hub comes to it, newest first.
INSERT INTO due (at, item_version, event, subject)
    SELECT 0, 0, 'index', '' WHERE EXISTS (SELECT 1 FROM feed WHERE report = TRUE AND live = TRUE);
