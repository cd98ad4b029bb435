-- Counting and filtering read no texts, and what is rare is found by its type or kind.

-- What is counted and filtered by of a report, as JSON, and of its folded texts where each stands and how it
-- was written. Nothing in rows of before, whose reports are read
-- until whichever hub comes to them has entered them anew.
ALTER TABLE search_text ADD COLUMN facts TEXT;
ALTER TABLE search_text ADD COLUMN letters TEXT;
INSERT INTO due (at, item_version, event, subject)
    SELECT 0, 0, 'index', '' WHERE EXISTS (SELECT 1 FROM search_text)
    AND NOT EXISTS (SELECT 1 FROM due WHERE event = 'index');

-- The type of the object that an entry ties.
ALTER TABLE release ADD COLUMN type TEXT NOT NULL DEFAULT '';
UPDATE release SET type = COALESCE((SELECT o.type FROM object o WHERE o.key = release.object), '');
CREATE INDEX release_of_type ON release (type, stamp);
CREATE INDEX release_of_kind ON release (kind, stamp);
