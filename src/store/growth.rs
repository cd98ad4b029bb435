//! What the log has grown by, and on whose audiences it depends who reads that.

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[CONCERNED, WINDOW_END];

// Whose entries decide how those of a window show (see `feed`): their own, those of the same ids, those
// of the ids that a rendition stands in for, and the desks of the same items.
const CONCERNED: &str = "SELECT DISTINCT f.audience FROM object o CROSS JOIN release r CROSS JOIN feed f \
     WHERE r.object = o.key AND f.stamp = r.stamp AND o.stix_id IN (\
     SELECT n.stix_id FROM release w JOIN object n ON n.key = w.object \
     WHERE w.stamp > $1 AND w.stamp <= $2 AND w.side <> 'support' \
     UNION SELECT n.stix_id FROM release w JOIN object n ON n.item_version = w.item_version \
     WHERE w.stamp > $1 AND w.stamp <= $2 AND w.side <> 'support' AND n.form = 'identified') \
     UNION SELECT DISTINCT f.audience FROM release r CROSS JOIN feed f WHERE f.stamp = r.stamp \
     AND r.side = 'desk' AND r.item_version IN (\
     SELECT w.item_version FROM release w WHERE w.stamp > $1 AND w.stamp <= $2)";

const WINDOW_END: &str =
    "SELECT stamp FROM release WHERE stamp > $1 ORDER BY stamp LIMIT 1 OFFSET $2";

/// So many values go into one statement.
const VALUES_PER_SELECT: usize = 10_000;

impl Tx {
    /// The stamp of the `entries`th entry after `from`; `None` where there are fewer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn window_end(&mut self, from: i64, entries: i64) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = on!(self, conn => sqlx::query_as(WINDOW_END).bind(from)
            .bind(entries - 1).fetch_optional(conn).await?);
        Ok(row.map(|(stamp,)| stamp))
    }

    /// The audiences on which it depends who reads what was entered after `from` and up to `to`, but
    /// for support objects.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn concerned(&mut self, from: i64, to: i64) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(CONCERNED).bind(from).bind(to).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(audience,)| audience).collect())
    }

    /// Who came late to any of these audiences: who, which, and since when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn late_in_any(
        &mut self,
        audiences: &[i64],
    ) -> Result<Vec<(String, i64, i64)>, StoreError> {
        let mut late = Vec::new();
        for chunk in audiences.chunks(VALUES_PER_SELECT) {
            let rows: Vec<(String, i64, i64)> = on!(self, conn => {
                let mut select = QueryBuilder::new(
                    "SELECT principal, audience, since FROM latecomer WHERE audience IN (");
                let mut list = select.separated(", ");
                for audience in chunk {
                    list.push_bind(*audience);
                }
                select.push(")");
                select.build_query_as().fetch_all(conn).await?
            });
            late.extend(rows);
        }
        Ok(late)
    }
}
