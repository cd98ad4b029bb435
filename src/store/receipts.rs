//! Who has what: pages handed over, notices about what was taken back, obligations accepted.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    SERVED,
    PAGES,
    FORGET_PAGE,
    WHO_HAD,
    NOTIFY,
    NOTICES,
    NOTICES_OF,
    ONE_NOTICE,
    ACKNOWLEDGE,
    ACCEPT,
    ACCEPTED,
];

const SERVED: &str = "INSERT INTO served (principal, digest, at, low, high, stamps) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (principal, digest) DO NOTHING";
const WHO_HAD: &str = "SELECT principal, at, stamps FROM served WHERE high >= $1 AND low <= $2 \
     ORDER BY at, principal, digest";
const PAGES: &str = "SELECT principal, digest, high, stamps FROM served WHERE low <= $1 \
     AND (high > $2 OR high = $2 AND digest > $3) ORDER BY high, digest LIMIT $4";
const FORGET_PAGE: &str = "DELETE FROM served WHERE principal = $1 AND digest = $2";
const NOTIFY: &str = "INSERT INTO notice (id, principal, item_version, kind, objects, reason, at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
const NOTICES: &str = "SELECT id, principal, item_version, kind, objects, reason, at, \
     acknowledged_at, comment FROM notice WHERE principal = $1 ORDER BY at DESC, id LIMIT $2";
const NOTICES_OF: &str = "SELECT id, principal, item_version, kind, objects, reason, at, \
     acknowledged_at, comment FROM notice WHERE item_version = $1 ORDER BY at, id";
const ONE_NOTICE: &str = "SELECT id, principal, item_version, kind, objects, reason, at, \
     acknowledged_at, comment FROM notice WHERE id = $1 AND principal = $2";
const ACKNOWLEDGE: &str = "UPDATE notice SET acknowledged_at = $1, comment = $2 \
     WHERE id = $3 AND principal = $4 AND acknowledged_at IS NULL";
const ACCEPT: &str = "INSERT INTO acceptance (item_version, principal, digest, at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (item_version, principal, digest) DO NOTHING";
const ACCEPTED: &str =
    "SELECT principal, at FROM acceptance WHERE item_version = $1 ORDER BY at, principal";

/// A notice to one reader.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its id.
    pub id: String,
    /// Whom it tells.
    pub principal: String,
    /// The item version it is about.
    pub item_version: i64,
    /// `withdrawn` or `recalled`.
    pub kind: String,
    /// The STIX ids this reader had, a JSON list.
    pub objects: String,
    /// What the source says.
    pub reason: String,
    /// When, in microseconds.
    pub at: i64,
    /// When the reader acknowledged it, in microseconds.
    pub acknowledged_at: Option<i64>,
    /// What the reader said.
    pub comment: Option<String>,
}

type NoticeRow = (
    String,
    String,
    i64,
    String,
    String,
    String,
    i64,
    Option<i64>,
    Option<String>,
);

fn notice(row: NoticeRow) -> Notice {
    let (id, principal, item_version, kind, objects, reason, at, acknowledged_at, comment) = row;
    Notice {
        id,
        principal,
        item_version,
        kind,
        objects,
        reason,
        at,
        acknowledged_at,
        comment,
    }
}

impl Tx {
    /// Notes that these entries were handed to a reader; the same page twice is noted once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_served(
        &mut self,
        principal: &str,
        digest: &[u8],
        at: i64,
        stamps: &[i64],
    ) -> Result<(), StoreError> {
        let (Some(low), Some(high)) = (stamps.iter().min(), stamps.iter().max()) else {
            return Ok(());
        };
        let text = serde_json::to_string(stamps)?;
        on!(self, conn => { sqlx::query(SERVED).bind(principal).bind(digest).bind(at).bind(*low)
            .bind(*high).bind(text).execute(conn).await?; });
        Ok(())
    }

    /// Pages that were handed over with entries in a range, after one of them, in an order of their
    /// own: reader, digest, newest stamp, stamps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pages(
        &mut self,
        until: i64,
        (high, digest): (i64, &[u8]),
        limit: i64,
    ) -> Result<Vec<(String, Vec<u8>, i64, Vec<i64>)>, StoreError> {
        let rows: Vec<(String, Vec<u8>, i64, String)> = on!(self, conn => sqlx::query_as(PAGES)
            .bind(until).bind(high).bind(digest).bind(limit).fetch_all(conn).await?);
        let mut pages = Vec::with_capacity(rows.len());
        for (principal, digest, high, stamps) in rows {
            pages.push((principal, digest, high, serde_json::from_str(&stamps)?));
        }
        Ok(pages)
    }

    /// Whether anybody could still have to be told of one of these entries: their items are not erased.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn to_be_told(&mut self, stamps: &[i64]) -> Result<bool, StoreError> {
        for chunk in stamps.chunks(400) {
            let (left,): (i64,) = on!(self, conn => {
                let mut select = sqlx::QueryBuilder::new(
                    "SELECT COUNT(*) FROM release r JOIN item_version v ON v.key = r.item_version \
                     WHERE v.state <> 'erased' AND r.stamp IN (");
                let mut list = select.separated(", ");
                for stamp in chunk {
                    list.push_bind(*stamp);
                }
                select.push(")");
                select.build_query_as().fetch_one(conn).await?
            });
            if left > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Forgets that a page was handed over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_page(&mut self, principal: &str, digest: &[u8]) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FORGET_PAGE).bind(principal).bind(digest).execute(conn).await?; });
        Ok(())
    }

    /// Who was handed any of these entries, which of them, and when first, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn who_had(
        &mut self,
        stamps: &[i64],
    ) -> Result<Vec<(String, i64, Vec<i64>)>, StoreError> {
        let (Some(low), Some(high)) = (stamps.iter().min(), stamps.iter().max()) else {
            return Ok(Vec::new());
        };
        let rows: Vec<(String, i64, String)> = on!(self, conn => sqlx::query_as(WHO_HAD).bind(*low).bind(*high).fetch_all(conn).await?);
        let mut found: Vec<(String, i64, Vec<i64>)> = Vec::new();
        for (principal, at, text) in rows {
            let page: Vec<i64> = serde_json::from_str(&text)?;
            let had: Vec<i64> = page.into_iter().filter(|s| stamps.contains(s)).collect();
            if had.is_empty() {
                continue;
            }
            match found.iter_mut().find(|(who, ..)| *who == principal) {
                Some((_, _, all)) => {
                    all.extend(had);
                    all.sort_unstable();
                    all.dedup();
                }
                None => found.push((principal, at, had)),
            }
        }
        Ok(found)
    }

    /// Tells a reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notify(&mut self, n: &Notice) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(NOTIFY).bind(&n.id).bind(&n.principal).bind(n.item_version)
            .bind(&n.kind).bind(&n.objects).bind(&n.reason).bind(n.at).execute(conn).await?; });
        Ok(())
    }

    /// Notices to a reader, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notices_to(
        &mut self,
        principal: &str,
        limit: i64,
    ) -> Result<Vec<Notice>, StoreError> {
        let rows: Vec<NoticeRow> = on!(self, conn => sqlx::query_as(NOTICES).bind(principal)
            .bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(notice).collect())
    }

    /// One notice to a reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notice(&mut self, id: &str, to: &str) -> Result<Option<Notice>, StoreError> {
        let row: Option<NoticeRow> = on!(self, conn => sqlx::query_as(ONE_NOTICE).bind(id).bind(to)
            .fetch_optional(conn).await?);
        Ok(row.map(notice))
    }

    /// Notices about an item version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notices_of(&mut self, item_version: i64) -> Result<Vec<Notice>, StoreError> {
        let rows: Vec<NoticeRow> = on!(self, conn => sqlx::query_as(NOTICES_OF).bind(item_version)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(notice).collect())
    }

    /// Acknowledges a notice; `false` where there is none open for this reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acknowledge(
        &mut self,
        id: &str,
        principal: &str,
        comment: &str,
        at: i64,
    ) -> Result<bool, StoreError> {
        let done = on!(self, conn => sqlx::query(ACKNOWLEDGE).bind(at).bind(comment).bind(id)
            .bind(principal).execute(conn).await?.rows_affected());
        Ok(done == 1)
    }

    /// Records that a reader accepted the obligations of an item.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept(
        &mut self,
        item_version: i64,
        principal: &str,
        digest: &[u8],
        at: i64,
    ) -> Result<bool, StoreError> {
        let done = on!(self, conn => sqlx::query(ACCEPT).bind(item_version).bind(principal)
            .bind(digest).bind(at).execute(conn).await?.rows_affected());
        Ok(done == 1)
    }

    /// Who accepted the obligations of an item, and when, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accepted(&mut self, item_version: i64) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(ACCEPTED).bind(item_version).fetch_all(conn).await?))
    }
}
