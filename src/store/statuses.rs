//! TAXII status resources.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[PUT, GET];

// The id is made from who posted what when, so the same post at the same time is one status.
const PUT: &str = "INSERT INTO taxii_status (id, principal, at, body) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const GET: &str = "SELECT body FROM taxii_status WHERE id = $1 AND principal = $2 AND at > $3";

impl Tx {
    /// Keeps a status for who posted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_status(
        &mut self,
        id: &str,
        principal: &str,
        at: i64,
        body: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PUT).bind(id).bind(principal).bind(at).bind(body)
            .execute(conn).await?; });
        Ok(())
    }

    /// A status, for who posted alone, no older than `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn status(
        &mut self,
        id: &str,
        principal: &str,
        since: i64,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on!(self, conn => sqlx::query_as(GET).bind(id).bind(principal)
            .bind(since).fetch_optional(conn).await?);
        Ok(row.map(|(body,)| body))
    }
}
