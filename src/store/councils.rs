//! Versions of the council file.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[LATEST, LATEST_VERSION, APPLY];

const LATEST: &str = "SELECT version, file FROM council ORDER BY version DESC LIMIT 1";
const LATEST_VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM council";
const APPLY: &str = "INSERT INTO council (version, applied_at, file) VALUES ($1, $2, $3)";

impl Tx {
    /// The council file in force with its version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn council(&mut self) -> Result<Option<(i64, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(LATEST).fetch_optional(conn).await?))
    }

    /// The version in force; 0 before any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn council_version(&mut self) -> Result<i64, StoreError> {
        let (version,): (i64,) =
            on!(self, conn => sqlx::query_as(LATEST_VERSION).fetch_one(conn).await?);
        Ok(version)
    }

    /// Puts a council file in force.
    ///
    /// # Errors
    /// When the database fails, or another hub applied the same version first.
    pub async fn apply_council(
        &mut self,
        version: i64,
        at: i64,
        file: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(APPLY).bind(version).bind(at).bind(file).execute(conn).await?; });
        Ok(())
    }
}
