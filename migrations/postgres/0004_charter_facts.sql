-- What the charter's policies asked of a version (council::charter::Subject, JSON): a stricter charter
-- asks it again. Null: not known, so a charter with policies gives the version to nobody.
ALTER TABLE item_version ADD COLUMN facts TEXT;
