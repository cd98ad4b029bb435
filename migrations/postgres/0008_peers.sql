-- Peers: TAXII servers that the hub pulls from and pushes to. Which there are stands in the settings.

-- Where the hub is with each collection of a peer, each way; whoever holds the row does the work.
CREATE TABLE peer (
    peer       TEXT NOT NULL,
    collection TEXT NOT NULL,
    way        TEXT NOT NULL,              -- pull, push
    mark       TEXT,                       -- pull: the peer's time stamp, as it wrote it; push: our stamp
    holder     TEXT NOT NULL,              -- the hub process that is at it; empty: none
    held_until BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,            -- not before
    tried_at   BIGINT,
    done_at    BIGINT,                     -- the last round that came to its end
    moved_at   BIGINT,                     -- the last time that something passed
    failures   BIGINT NOT NULL,            -- since the last round that came to its end
    failure    TEXT,                       -- the last one, in the hub's words
    passed     BIGINT NOT NULL,            -- objects, in all
    PRIMARY KEY (peer, collection, way)
);

-- What passed between the hub and a peer, so that nothing goes back to where it came from.
CREATE TABLE peer_passed (
    peer   TEXT NOT NULL,
    way    TEXT NOT NULL,
    object TEXT NOT NULL,                  -- STIX id
    digest BYTEA NOT NULL,                  -- of the content
    at     BIGINT NOT NULL,
    PRIMARY KEY (peer, object, way, digest)
);

-- What did not pass, and why: refused on arrival, by the peer, or not to be sent.
CREATE TABLE peer_refused (
    peer    TEXT NOT NULL,
    way     TEXT NOT NULL,
    object  TEXT NOT NULL,
    version TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (peer, way, object, version)
);
CREATE INDEX peer_refused_at ON peer_refused (peer, at);
