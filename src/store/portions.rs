//! Parts of items, references between objects, and who reads what: what is needed to decide anew
//! which rendition each reader gets.

use std::collections::BTreeSet;

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    RULES_OF,
    SET_PART,
    CONTAINERS_OF,
    AUDIENCES_OF,
    ROWS_OF,
    TAKE_AWAY,
    WITHHOLD,
    WITHHOLD_ONE,
    CONFIRM,
    VERSIONS_UNDER,
    DEFINITION,
    READERS,
    DROP_READERS,
];

const RULES_OF: &str = "SELECT rule FROM portion WHERE item_version = $1 ORDER BY position";
const SET_PART: &str = "INSERT INTO portion (item_version, position, rule) VALUES ($1, $2, $3) \
     ON CONFLICT (item_version, position) DO UPDATE SET rule = excluded.rule";
const CONTAINERS_OF: &str = "SELECT DISTINCT o.item_version FROM object_ref x \
     JOIN object o ON o.key = x.object \
     WHERE x.target = $1 AND o.item_version IS NOT NULL ORDER BY o.item_version";
const AUDIENCES_OF: &str = "SELECT DISTINCT f.audience FROM object o JOIN release r ON r.object = o.key \
     JOIN feed f ON f.stamp = r.stamp WHERE o.stix_id = $1 ORDER BY f.audience";
const ROWS_OF: &str = "SELECT r.stamp, r.object, r.side, f.audience, f.live FROM release r \
     LEFT JOIN feed f ON f.stamp = r.stamp WHERE r.item_version = $1 ORDER BY r.stamp, f.audience";
const TAKE_AWAY: &str = "DELETE FROM feed WHERE stamp = $1 AND audience = $2";
const WITHHOLD: &str = "UPDATE object SET form = 'withheld' WHERE item_version = $1 \
     AND (form LIKE 'anonymised%' OR form LIKE 'unconfirmed %')";
const WITHHOLD_ONE: &str = "UPDATE object SET form = 'withheld' WHERE key = $1";
// What follows the word `unconfirmed` is the form it will have.
const CONFIRM: &str = "UPDATE object SET form = SUBSTR(form, 13) WHERE item_version = $1 \
     AND form LIKE 'unconfirmed %'";
const VERSIONS_UNDER: &str =
    "SELECT DISTINCT version FROM object WHERE stix_id = $1 ORDER BY version";
const DEFINITION: &str = "SELECT definition FROM audience WHERE id = $1";
const READERS: &str = "SELECT side, form, seen, audience FROM released_to \
     WHERE item_version = $1 ORDER BY side, form, seen, audience";
const DROP_READERS: &str = "DELETE FROM released_to WHERE item_version = $1";

/// An entry with one of its audiences: stamp, object, side, audience, whether it is live. An entry
/// that nobody reads any more has no audience.
pub type EntryRow = (i64, i64, String, Option<i64>, Option<bool>);

/// To whom a version is released: side, form, how many of its parts they see at least, audience.
pub type ReadersRow = (String, String, i64, i64);

impl Tx {
    /// To whom a version is released, whatever became of its entries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn released_to(&mut self, item_version: i64) -> Result<Vec<ReadersRow>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(READERS).bind(item_version).fetch_all(conn).await?))
    }

    /// Notes to whom a version is released.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_released_to(
        &mut self,
        item_version: i64,
        rows: &[ReadersRow],
    ) -> Result<(), StoreError> {
        // Well below what either database binds in one statement.
        for chunk in rows.chunks(400) {
            on!(self, conn => {
                let mut insert = QueryBuilder::new(
                    "INSERT INTO released_to (item_version, side, form, seen, audience) ");
                insert.push_values(chunk, |mut row, (side, form, seen, audience)| {
                    row.push_bind(item_version).push_bind(side).push_bind(form).push_bind(*seen)
                        .push_bind(*audience);
                });
                insert.push(" ON CONFLICT (item_version, side, form, seen, audience) DO NOTHING");
                insert.build().execute(conn).await?;
            });
        }
        Ok(())
    }

    /// Forgets to whom a version is released, before it is said anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_released_to(&mut self, item_version: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(DROP_READERS).bind(item_version).execute(conn).await?; });
        Ok(())
    }

    /// The definition of an audience.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn definition(&mut self, audience: i64) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on!(self, conn => sqlx::query_as(DEFINITION).bind(audience).fetch_optional(conn).await?);
        Ok(row.map(|(definition,)| definition))
    }

    /// The rules of a version with parts, the whole's first; none where it has no parts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn part_rules(&mut self, item_version: i64) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> =
            on!(self, conn => sqlx::query_as(RULES_OF).bind(item_version).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(rule,)| rule).collect())
    }

    /// Sets the rule of one part, or at 0 of the whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_part_rule(
        &mut self,
        item_version: i64,
        position: i64,
        rule: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_PART).bind(item_version).bind(position).bind(rule)
            .execute(conn).await?; });
        Ok(())
    }

    /// Notes what a stored object refers to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_references<'t>(
        &mut self,
        object: i64,
        targets: impl Iterator<Item = &'t String>,
    ) -> Result<(), StoreError> {
        let targets: Vec<&String> = targets.collect();
        // Well below what either database binds in one statement.
        for chunk in targets.chunks(400) {
            on!(self, conn => {
                let mut insert = QueryBuilder::new("INSERT INTO object_ref (target, object) ");
                insert.push_values(chunk, |mut row, target| {
                    row.push_bind((*target).clone()).push_bind(object);
                });
                insert.build().execute(conn).await?;
            });
        }
        Ok(())
    }

    /// Of some STIX ids those that any object refers to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn referred_to(&mut self, ids: &[&String]) -> Result<BTreeSet<String>, StoreError> {
        let mut found = BTreeSet::new();
        for chunk in ids.chunks(400) {
            let rows: Vec<(String,)> = on!(self, conn => {
                let mut select =
                    QueryBuilder::new("SELECT DISTINCT target FROM object_ref WHERE target IN (");
                let mut list = select.separated(", ");
                for id in chunk {
                    list.push_bind(id.as_str());
                }
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            found.extend(rows.into_iter().map(|(target,)| target));
        }
        Ok(found)
    }

    /// The item versions with an object that refers to a STIX id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn containers_of(&mut self, target: &str) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(CONTAINERS_OF).bind(target).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    /// The audiences that read anything under a STIX id, whoever it came from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audiences_of(&mut self, stix_id: &str) -> Result<Vec<i64>, StoreError> {
        if self.is_unused(stix_id) {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(AUDIENCES_OF).bind(stix_id).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(audience,)| audience).collect())
    }

    /// The entries of a version, each with its audiences.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows_of(&mut self, item_version: i64) -> Result<Vec<EntryRow>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(ROWS_OF).bind(item_version).fetch_all(conn).await?))
    }

    /// Takes an entry away from one audience.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_away(&mut self, stamp: i64, audience: i64) -> Result<(), StoreError> {
        self.memo.supported.clear();
        on!(self, conn => { sqlx::query(TAKE_AWAY).bind(stamp).bind(audience).execute(conn).await?; });
        self.unindex_entry(stamp).await
    }

    /// Withholds every anonymised rendition of a version for good: a correction has replaced it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withhold(&mut self, item_version: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(WITHHOLD).bind(item_version).execute(conn).await?; });
        Ok(())
    }

    /// Withholds one object for good: another was made in its place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withhold_object(&mut self, key: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(WITHHOLD_ONE).bind(key).execute(conn).await?; });
        Ok(())
    }

    /// Gives the renditions of a version that waited to be confirmed their form; whether there were any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirm_renditions(&mut self, item_version: i64) -> Result<bool, StoreError> {
        let done = on!(self, conn => sqlx::query(CONFIRM).bind(item_version).execute(conn).await?.rows_affected());
        Ok(done > 0)
    }

    /// Every version there ever was of an object under a STIX id, as written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_under(&mut self, stix_id: &str) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> =
            on!(self, conn => sqlx::query_as(VERSIONS_UNDER).bind(stix_id).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(version,)| version).collect())
    }
}
