-- Sessions of those who signed in at the console.
CREATE TABLE session (
    hash       BLOB PRIMARY KEY,           -- keyed hash of the random id that the browser holds
    principal  TEXT NOT NULL,
    credential BLOB NOT NULL,              -- hash of what it was begun with: revoked, the session is over
    begun_at   BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL             -- the last request, to the minute
);
CREATE INDEX session_principal ON session (principal, seen_at);
CREATE INDEX session_seen ON session (seen_at);

-- Sign-ins that failed, by a keyed place of the name that was given, of which there are a fixed number:
-- whatever names are tried, the table does not grow beyond them.
CREATE TABLE sign_in_failure (
    place  BIGINT PRIMARY KEY,
    since  BIGINT NOT NULL,                -- when the count began
    failed BIGINT NOT NULL
);
