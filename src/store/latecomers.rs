//! Readers who came to be in an audience late, and the older entries copied for them.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[ADD, OF, INHERIT, OLDER];

const ADD: &str = "INSERT INTO latecomer (principal, audience, since) VALUES ($1, $2, $3) \
     ON CONFLICT (principal, audience) DO UPDATE SET since = excluded.since";
const OF: &str = "SELECT audience, since FROM latecomer WHERE principal = $1 ORDER BY audience";
const INHERIT: &str = "INSERT INTO latecomer (principal, audience, since) \
     SELECT principal, $1, since FROM latecomer WHERE audience = $2 \
     ON CONFLICT (principal, audience) DO NOTHING";
// Two ranges of the feed's own order, each no longer than the batch, merged.
const OLDER: &str = "SELECT f.stamp, f.live, f.report, r.object, r.item_version, r.side, r.kind, \
     r.not_after FROM (SELECT * FROM (SELECT stamp, live, report FROM feed WHERE audience = $1 \
     AND live = TRUE AND stamp > $2 AND stamp <= $3 ORDER BY stamp LIMIT $4) AS latest \
     UNION ALL SELECT * FROM (SELECT stamp, live, report FROM feed WHERE audience = $1 \
     AND live = FALSE AND stamp > $2 AND stamp <= $3 ORDER BY stamp LIMIT $4) AS older) AS f \
     JOIN release r ON r.stamp = f.stamp ORDER BY f.stamp LIMIT $4";

/// An entry to copy.
#[derive(Clone, Debug)]
pub struct OlderEntry {
    /// Its stamp.
    pub stamp: i64,
    /// Whether no newer version is out.
    pub live: bool,
    /// Whether it ties a whole report.
    pub report: bool,
    /// Which object.
    pub object: i64,
    /// Of which item version.
    pub item_version: Option<i64>,
    /// `inside`, `outside`, `support`, `notice`.
    pub side: String,
    /// The item's kind.
    pub kind: String,
    /// From when on it is no longer served, in microseconds.
    pub not_after: Option<i64>,
}

type Row = (
    i64,
    bool,
    bool,
    i64,
    Option<i64>,
    String,
    String,
    Option<i64>,
);

impl Tx {
    /// Notes that a reader is in an audience only for what is newer than `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_latecomer(
        &mut self,
        principal: &str,
        audience: i64,
        since: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(principal).bind(audience).bind(since)
            .execute(conn).await?; });
        Ok(())
    }

    /// The audiences a reader came to late, each with the stamp from which on it reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn late_in(&mut self, principal: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(OF).bind(principal).fetch_all(conn).await?))
    }

    /// Latecomers to one audience are latecomers to what becomes of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inherit_latecomers(&mut self, to: i64, from: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(INHERIT).bind(to).bind(from).execute(conn).await?; });
        Ok(())
    }

    /// Entries of an audience after one stamp and up to another, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn older_entries(
        &mut self,
        audience: i64,
        after: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<OlderEntry>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(OLDER).bind(audience).bind(after)
            .bind(until).bind(limit).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(
                |(stamp, live, report, object, item_version, side, kind, not_after)| OlderEntry {
                    stamp,
                    live,
                    report,
                    object,
                    item_version,
                    side,
                    kind,
                    not_after,
                },
            )
            .collect())
    }
}
