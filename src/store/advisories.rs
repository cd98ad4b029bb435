//! What is kept of an advisory beside the item: the bound of its route, who passed it on, what ended it.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[ADD_ROUTE, ROUTE, SET_ROUTE, PASS_ON, PASSED_ON, END, ENDED];

const ADD_ROUTE: &str = "INSERT INTO route (item_version, whole, bounded) VALUES ($1, $2, $3)";
const ROUTE: &str = "SELECT whole, bounded FROM route WHERE item_version = $1";
const SET_ROUTE: &str = "UPDATE route SET bounded = $1 WHERE item_version = $2";
const PASS_ON: &str = "INSERT INTO passed_on (item_version, ceptoar, principal, at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (item_version, ceptoar) DO NOTHING";
const PASSED_ON: &str =
    "SELECT ceptoar, at FROM passed_on WHERE item_version = $1 ORDER BY ceptoar";
const END: &str = "INSERT INTO ended (item, by_item, at) VALUES ($1, $2, $3) \
     ON CONFLICT (item, by_item) DO NOTHING";
const ENDED: &str = "SELECT by_item, at FROM ended WHERE item = $1 ORDER BY at, by_item";

impl Tx {
    /// Keeps a version's rule without the bound of its route, and with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_route(
        &mut self,
        item_version: i64,
        whole: &str,
        bounded: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_ROUTE).bind(item_version).bind(whole).bind(bounded)
            .execute(conn).await?; });
        Ok(())
    }

    /// A version's rule without the bound of its route, and with it; none where it has no bound.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn route(
        &mut self,
        item_version: i64,
    ) -> Result<Option<(String, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(ROUTE).bind(item_version).fetch_optional(conn).await?))
    }

    /// Changes how far the bound still goes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_route(&mut self, item_version: i64, bounded: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_ROUTE).bind(bounded).bind(item_version)
            .execute(conn).await?; });
        Ok(())
    }

    /// Notes that a CEPTOAR passed a version on; `at` in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_passed_on(
        &mut self,
        item_version: i64,
        ceptoar: &str,
        principal: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PASS_ON).bind(item_version).bind(ceptoar).bind(principal)
            .bind(at).execute(conn).await?; });
        Ok(())
    }

    /// The CEPTOARs that passed a version on, and when, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn passed_on(&mut self, item_version: i64) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(PASSED_ON).bind(item_version).fetch_all(conn).await?))
    }

    /// Notes that one item goes on with or ends another; `at` in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_end(&mut self, item: &str, by: &str, at: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(END).bind(item).bind(by).bind(at).execute(conn).await?; });
        Ok(())
    }

    /// The items that go on with or end one, and since when, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ends_of(&mut self, item: &str) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(ENDED).bind(item).fetch_all(conn).await?))
    }
}
