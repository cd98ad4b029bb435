//! Where the hub stands with its peers: a mark for each collection and way, who is at it, what has
//! passed and what has not. Which peers there are, and how they are reached, is in the settings.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD,
    TAKE,
    KEEP,
    MOVE,
    END,
    ALL,
    ADD_PASSED,
    PASSED,
    ADD_REFUSED,
    FORGET_REFUSED,
    REFUSED,
    REFUSED_COUNT,
];

const ADD: &str = "INSERT INTO peer (peer, collection, way, holder, held_until, next_at, failures, \
     passed) VALUES ($1, $2, $3, '', 0, 0, 0, 0) ON CONFLICT (peer, collection, way) DO NOTHING";
const TAKE: &str = "UPDATE peer SET holder = $1, held_until = $2, tried_at = $3 \
     WHERE peer = $4 AND collection = $5 AND way = $6 AND next_at <= $7 \
     AND (held_until <= $3 OR holder = $1) RETURNING mark, failures";
const KEEP: &str = "UPDATE peer SET held_until = $1 \
     WHERE peer = $2 AND collection = $3 AND way = $4 AND holder = $5";
const MOVE: &str = "UPDATE peer SET mark = $1, held_until = $2, passed = passed + $4, \
     moved_at = CASE WHEN $4 > 0 THEN $3 ELSE moved_at END \
     WHERE peer = $5 AND collection = $6 AND way = $7 AND holder = $8";
const END: &str = "UPDATE peer SET holder = '', held_until = 0, next_at = $1, \
     done_at = CASE WHEN CAST($2 AS TEXT) IS NULL THEN $3 ELSE done_at END, \
     failures = CASE WHEN CAST($2 AS TEXT) IS NULL THEN 0 ELSE failures + 1 END, \
     failure = COALESCE(CAST($2 AS TEXT), failure) \
     WHERE peer = $4 AND collection = $5 AND way = $6 AND holder = $7";
const ALL: &str = "SELECT peer, collection, way, mark, holder, held_until, next_at, tried_at, done_at, \
     moved_at, failures, failure, passed FROM peer ORDER BY peer, collection, way";
const ADD_PASSED: &str = "INSERT INTO peer_passed (peer, way, object, digest, at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (peer, object, way, digest) DO NOTHING";
const PASSED: &str = "SELECT digest FROM peer_passed WHERE peer = $1 AND way = $2 AND object = $3 \
     ORDER BY digest";
const ADD_REFUSED: &str = "INSERT INTO peer_refused (peer, way, object, version, reason, at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (peer, way, object, version) \
     DO UPDATE SET reason = excluded.reason, at = excluded.at";
const FORGET_REFUSED: &str = "DELETE FROM peer_refused WHERE peer = $1 AND at < \
     (SELECT MIN(at) FROM (SELECT at FROM peer_refused WHERE peer = $1 ORDER BY at DESC LIMIT $2) AS kept)";
const REFUSED: &str = "SELECT way, object, version, reason, at FROM peer_refused WHERE peer = $1 \
     ORDER BY at DESC, object, version, way LIMIT $2";
const REFUSED_COUNT: &str = "SELECT peer, way, COUNT(*) FROM peer_refused GROUP BY peer, way \
     ORDER BY peer, way";

/// A collection of a peer, one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerPlace {
    /// The peer, by its name in the settings.
    pub peer: String,
    /// The collection, as the settings write it.
    pub collection: String,
    /// `pull` or `push`.
    pub way: &'static str,
}

/// Where the hub is with one collection of a peer, one way; instants in microseconds.
#[derive(Clone, Debug)]
pub struct PeerRow {
    /// The peer.
    pub peer: String,
    /// The collection.
    pub collection: String,
    /// `pull` or `push`.
    pub way: String,
    /// How far it got.
    pub mark: Option<String>,
    /// The process that is at it, and until when it holds the place.
    pub held: Option<(String, i64)>,
    /// Not before.
    pub next_at: i64,
    /// When it was tried last.
    pub tried_at: Option<i64>,
    /// The last round that came to its end.
    pub done_at: Option<i64>,
    /// The last time that something passed.
    pub moved_at: Option<i64>,
    /// How often it failed since.
    pub failures: i64,
    /// The last failure.
    pub failure: Option<String>,
    /// Objects that passed, in all.
    pub passed: i64,
}

/// What did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRefused {
    /// STIX id, as far as it had one.
    pub object: String,
    /// Version, as written.
    pub version: String,
    /// Why.
    pub reason: String,
}

type Row = (
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    Option<String>,
    i64,
);

impl Tx {
    /// Makes the row of a place, where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_peer(&mut self, place: &PeerPlace) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(&place.peer).bind(&place.collection)
            .bind(place.way).execute(conn).await?; });
        Ok(())
    }

    /// Takes a place that is due (`due` or before) and that nobody else holds: its mark and how often
    /// it failed since it last succeeded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_peer(
        &mut self,
        place: &PeerPlace,
        holder: &str,
        until: i64,
        (now, due): (i64, i64),
    ) -> Result<Option<(Option<String>, i64)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(TAKE).bind(holder).bind(until).bind(now)
            .bind(&place.peer).bind(&place.collection).bind(place.way).bind(due)
            .fetch_optional(conn).await?),
        )
    }

    /// Holds a place for longer; `false` where it is another's by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_peer(
        &mut self,
        place: &PeerPlace,
        holder: &str,
        until: i64,
    ) -> Result<bool, StoreError> {
        let kept = on!(self, conn => sqlx::query(KEEP).bind(until).bind(&place.peer)
            .bind(&place.collection).bind(place.way).bind(holder).execute(conn).await?
            .rows_affected());
        Ok(kept == 1)
    }

    /// Moves the mark, and counts what passed; `false` where the place is another's by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn move_peer(
        &mut self,
        place: &PeerPlace,
        (holder, until): (&str, i64),
        mark: Option<&str>,
        now: i64,
        passed: i64,
    ) -> Result<bool, StoreError> {
        let moved = on!(self, conn => sqlx::query(MOVE).bind(mark).bind(until).bind(now).bind(passed)
            .bind(&place.peer).bind(&place.collection).bind(place.way).bind(holder)
            .execute(conn).await?.rows_affected());
        Ok(moved == 1)
    }

    /// Ends a round: when the next is due, and what went wrong, where something did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_peer(
        &mut self,
        place: &PeerPlace,
        holder: &str,
        next_at: i64,
        failure: Option<&str>,
        now: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(END).bind(next_at).bind(failure).bind(now).bind(&place.peer)
            .bind(&place.collection).bind(place.way).bind(holder).execute(conn).await?; });
        Ok(())
    }

    /// Every place there is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn peers(&mut self) -> Result<Vec<PeerRow>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(ALL).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(
                |(
                    peer,
                    collection,
                    way,
                    mark,
                    holder,
                    held_until,
                    next_at,
                    tried_at,
                    done_at,
                    moved_at,
                    failures,
                    failure,
                    passed,
                )| PeerRow {
                    peer,
                    collection,
                    way,
                    mark,
                    held: (!holder.is_empty()).then_some((holder, held_until)),
                    next_at,
                    tried_at,
                    done_at,
                    moved_at,
                    failures,
                    failure,
                    passed,
                },
            )
            .collect())
    }

    /// Notes that a content passed between the hub and a peer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_passed(
        &mut self,
        (peer, way): (&str, &str),
        object: &str,
        digest: &[u8],
        now: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_PASSED).bind(peer).bind(way).bind(object).bind(digest)
            .bind(now).execute(conn).await?; });
        Ok(())
    }

    /// The contents of an object that passed between the hub and a peer, one way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn passed(
        &mut self,
        (peer, way): (&str, &str),
        object: &str,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows: Vec<(Vec<u8>,)> = on!(self, conn => sqlx::query_as(PASSED).bind(peer).bind(way)
            .bind(object).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(digest,)| digest).collect())
    }

    /// Notes what did not pass; of each peer's so many are kept, the newest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_peer_refused(
        &mut self,
        (peer, way): (&str, &str),
        refused: &PeerRefused,
        now: i64,
        kept: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_REFUSED).bind(peer).bind(way).bind(&refused.object)
            .bind(&refused.version).bind(&refused.reason).bind(now).execute(conn).await?; });
        on!(self, conn => { sqlx::query(FORGET_REFUSED).bind(peer).bind(kept).execute(conn).await?; });
        Ok(())
    }

    /// What did not pass between the hub and a peer, newest first, each with its way and instant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn peer_refused(
        &mut self,
        peer: &str,
        limit: i64,
    ) -> Result<Vec<(String, PeerRefused, i64)>, StoreError> {
        let rows: Vec<(String, String, String, String, i64)> = on!(self, conn =>
            sqlx::query_as(REFUSED).bind(peer).bind(limit).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(|(way, object, version, reason, at)| {
                let refused = PeerRefused {
                    object,
                    version,
                    reason,
                };
                (way, refused, at)
            })
            .collect())
    }

    /// How much did not pass, by peer and way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn peer_refused_counts(&mut self) -> Result<Vec<(String, String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(REFUSED_COUNT).fetch_all(conn).await?))
    }
}
