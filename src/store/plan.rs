//! Reading the whole log for a plan: item versions with their rule, and which audiences read them.
//! In pages by key, so that a million items need no million rows at once.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[VERSIONS, ENTRIES];

const VERSIONS: &str = "SELECT key, item, version, ceptoar, level, rule FROM item_version \
     WHERE key > $1 ORDER BY key LIMIT $2";
const ENTRIES: &str = "SELECT DISTINCT r.item_version, r.side, o.form, f.audience FROM release r \
     JOIN object o ON o.key = r.object JOIN feed f ON f.stamp = r.stamp \
     WHERE r.item_version > $1 AND r.item_version <= $2 \
     AND (r.not_after IS NULL OR r.not_after > $3) AND (o.form LIKE 'identified%' OR o.form LIKE 'anonymised%') \
     ORDER BY r.item_version, r.side, o.form, f.audience";

/// An item version, without its content.
#[derive(Clone, Debug)]
pub struct PlannedVersion {
    /// The hub's number for it.
    pub key: i64,
    /// The item.
    pub item: String,
    /// 1 for the first.
    pub version: i64,
    /// Whose rules apply.
    pub ceptoar: String,
    /// Scheme, version and level.
    pub level: String,
    /// The joined rule, JSON.
    pub rule: String,
}

type Row = (i64, String, i64, String, String, String);

/// Who reads a version: its number, side, form, audience.
pub type PlannedEntry = (i64, String, String, i64);

impl Tx {
    /// The next item versions after a number, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn planned_versions(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<PlannedVersion>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(VERSIONS).bind(after).bind(limit)
            .fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(
                |(key, item, version, ceptoar, level, rule)| PlannedVersion {
                    key,
                    item,
                    version,
                    ceptoar,
                    level,
                    rule,
                },
            )
            .collect())
    }

    /// Who reads the item versions after one number up to another, as of `now` in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn planned_entries(
        &mut self,
        after: i64,
        upto: i64,
        now: i64,
    ) -> Result<Vec<PlannedEntry>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(ENTRIES).bind(after).bind(upto).bind(now)
            .fetch_all(conn).await?),
        )
    }
}
