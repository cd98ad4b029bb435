//! Decisions in the ledger, the outbox, and answers kept for repeated requests.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[APPEND, LEAVES, POST, ANSWERED, REMEMBER];

const APPEND: &str = "INSERT INTO ledger (idx, at, leaf, salt, record) VALUES ($1, $2, $3, $4, $5)";
const LEAVES: &str = "SELECT leaf, salt, record FROM ledger ORDER BY idx";
const POST: &str = "INSERT INTO outbox (stamp, item_version, event) VALUES ($1, $2, $3)";
const ANSWERED: &str = "SELECT digest, answer FROM idempotency WHERE principal = $1 AND key = $2";
const REMEMBER: &str = "INSERT INTO idempotency (principal, key, digest, answer, at) \
     VALUES ($1, $2, $3, $4, $5)";

impl Tx {
    /// Appends a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append_ledger(
        &mut self,
        at: i64,
        leaf: &[u8],
        salt: &[u8],
        record: &str,
    ) -> Result<i64, StoreError> {
        let idx = self.take("ledger", 1, 1).await? - 1;
        on!(self, conn => { sqlx::query(APPEND).bind(idx).bind(at).bind(leaf).bind(salt).bind(record)
            .execute(conn).await?; });
        Ok(idx)
    }

    /// Every leaf with its opening, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger(&mut self) -> Result<Vec<(Vec<u8>, Vec<u8>, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(LEAVES).fetch_all(conn).await?))
    }

    /// Leaves word for delivery, in the transaction of the release.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn post_outbox(
        &mut self,
        stamp: i64,
        item_version: i64,
        event: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(POST).bind(stamp).bind(item_version).bind(event)
            .execute(conn).await?; });
        Ok(())
    }

    /// The digest and answer of an earlier request under this key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answered(
        &mut self,
        principal: &str,
        key: &str,
    ) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(ANSWERED).bind(principal).bind(key)
            .fetch_optional(conn).await?),
        )
    }

    /// Keeps an answer for a repeated request.
    ///
    /// # Errors
    /// When the database fails, or the key is taken.
    pub async fn remember(
        &mut self,
        principal: &str,
        key: &str,
        digest: &[u8],
        answer: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(REMEMBER).bind(principal).bind(key).bind(digest).bind(answer)
            .bind(at).execute(conn).await?; });
        Ok(())
    }
}
