//! Sessions at the console, as keyed hashes, and how often a sign-in failed.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    BEGIN,
    FIND,
    SEEN,
    OF,
    END,
    END_ALL,
    END_OLD,
    KEEP_NEWEST,
    FAILED,
    FAILURES,
    FORGET_FAILURES,
    CREDENTIALS,
];

const BEGIN: &str = "INSERT INTO session (hash, principal, credential, begun_at, seen_at) \
     VALUES ($1, $2, $3, $4, $4)";
// INVARIANT: a session whose credential is revoked is found by nobody.
const FIND: &str = "SELECT s.hash, s.principal, s.begun_at, s.seen_at FROM session s \
     JOIN credential c ON c.hash = s.credential \
     WHERE s.hash = $1 AND c.revoked_at IS NULL";
const SEEN: &str = "UPDATE session SET seen_at = $1 WHERE hash = $2 AND seen_at < $1";
const OF: &str = "SELECT s.hash, s.principal, s.begun_at, s.seen_at FROM session s \
     JOIN credential c ON c.hash = s.credential \
     WHERE s.principal = $1 AND c.revoked_at IS NULL ORDER BY s.begun_at DESC, s.hash";
const END: &str = "DELETE FROM session WHERE hash = $1 AND principal = $2";
const END_ALL: &str = "DELETE FROM session WHERE principal = $1";
const END_OLD: &str = "DELETE FROM session WHERE seen_at <= $1 OR begun_at <= $2";
const KEEP_NEWEST: &str = "DELETE FROM session WHERE principal = $1 AND hash NOT IN \
     (SELECT hash FROM session WHERE principal = $1 ORDER BY begun_at DESC, hash LIMIT $2)";
const FAILED: &str = "INSERT INTO sign_in_failure (place, since, failed) VALUES ($1, $2, 1) \
     ON CONFLICT (place) DO UPDATE SET \
     failed = CASE WHEN sign_in_failure.since <= $3 THEN 1 ELSE sign_in_failure.failed + 1 END, \
     since = CASE WHEN sign_in_failure.since <= $3 THEN $2 ELSE sign_in_failure.since END";
const FAILURES: &str = "SELECT since, failed FROM sign_in_failure WHERE place = $1 AND since > $2";
const FORGET_FAILURES: &str = "DELETE FROM sign_in_failure WHERE place = $1";
const CREDENTIALS: &str = "SELECT kind, issued_at FROM credential \
     WHERE principal = $1 AND revoked_at IS NULL ORDER BY issued_at DESC, kind";

/// A session that is not over yet, unless its limits say so.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Keyed hash of its id.
    pub hash: Vec<u8>,
    /// Whose it is.
    pub principal: String,
    /// When it began, in microseconds.
    pub begun_at: i64,
    /// The last request, in microseconds, to the minute.
    pub seen_at: i64,
}

type Columns = (Vec<u8>, String, i64, i64);

impl From<Columns> for SessionRow {
    fn from((hash, principal, begun_at, seen_at): Columns) -> Self {
        Self {
            hash,
            principal,
            begun_at,
            seen_at,
        }
    }
}

impl Tx {
    /// Begins a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_session(
        &mut self,
        hash: &[u8],
        principal: &str,
        credential: &[u8],
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(BEGIN).bind(hash).bind(principal).bind(credential).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// The session of this hash; none where the credential it began with is revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&mut self, hash: &[u8]) -> Result<Option<SessionRow>, StoreError> {
        let row: Option<Columns> =
            on!(self, conn => sqlx::query_as(FIND).bind(hash).fetch_optional(conn).await?);
        Ok(row.map(SessionRow::from))
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_seen(&mut self, hash: &[u8], at: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SEEN).bind(at).bind(hash).execute(conn).await?; });
        Ok(())
    }

    /// The sessions of a principal, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_of(&mut self, principal: &str) -> Result<Vec<SessionRow>, StoreError> {
        let rows: Vec<Columns> =
            on!(self, conn => sqlx::query_as(OF).bind(principal).fetch_all(conn).await?);
        Ok(rows.into_iter().map(SessionRow::from).collect())
    }

    /// Ends one session of a principal; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&mut self, hash: &[u8], principal: &str) -> Result<bool, StoreError> {
        let ended = on!(self, conn => sqlx::query(END).bind(hash).bind(principal)
            .execute(conn).await?.rows_affected());
        Ok(ended > 0)
    }

    /// Ends every session of a principal; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions(&mut self, principal: &str) -> Result<u64, StoreError> {
        Ok(on!(self, conn => sqlx::query(END_ALL).bind(principal)
            .execute(conn).await?.rows_affected()))
    }

    /// Drops sessions last used at or before `seen`, or begun at or before `begun`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_old_sessions(&mut self, seen: i64, begun: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(END_OLD).bind(seen).bind(begun).execute(conn).await?; });
        Ok(())
    }

    /// Drops all but the newest sessions of a principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_newest_sessions(
        &mut self,
        principal: &str,
        keep: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(KEEP_NEWEST).bind(principal).bind(keep)
            .execute(conn).await?; });
        Ok(())
    }

    /// Counts a failed sign-in; a count that began at or before `over` begins anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_failure(
        &mut self,
        place: i64,
        at: i64,
        over: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FAILED).bind(place).bind(at).bind(over)
            .execute(conn).await?; });
        Ok(())
    }

    /// When the count of a place began, and how far it is; none where it began at or before `over`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn failures(
        &mut self,
        place: i64,
        over: i64,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(FAILURES).bind(place).bind(over)
            .fetch_optional(conn).await?),
        )
    }

    /// Forgets the count of a place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_failures(&mut self, place: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FORGET_FAILURES).bind(place).execute(conn).await?; });
        Ok(())
    }

    /// Kind and time of issue of the credentials a principal can use, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credentials_of(
        &mut self,
        principal: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(CREDENTIALS).bind(principal).fetch_all(conn).await?))
    }
}
