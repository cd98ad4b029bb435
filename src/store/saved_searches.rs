//! Searches that their owners keep. What they find is asked elsewhere.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[ADD, OF, ONE, NAMED, RENAME, LOOKED, FORGET];

const ADD: &str = "INSERT INTO saved_search (id, principal, name, search, created_at, mark, \
     looked_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const OF: &str = "SELECT id, principal, name, search, created_at, mark, looked_at FROM saved_search \
     WHERE principal = $1 ORDER BY created_at, id";
const ONE: &str = "SELECT id, principal, name, search, created_at, mark, looked_at \
     FROM saved_search WHERE id = $1 AND principal = $2";
const NAMED: &str = "SELECT id, principal, name, search, created_at, mark, looked_at \
     FROM saved_search WHERE principal = $1 AND name = $2";
const RENAME: &str = "UPDATE saved_search SET name = $2 WHERE id = $1";
// INVARIANT: what was looked at stays looked at.
const LOOKED: &str = "UPDATE saved_search SET looked_at = $3, \
     mark = CASE WHEN mark > $2 THEN mark ELSE $2 END WHERE id = $1";
const FORGET: &str = "DELETE FROM saved_search WHERE id = $1 AND principal = $2";

/// A search as its owner keeps it.
#[derive(Clone, Debug)]
pub struct SavedSearch {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub principal: String,
    /// What its owner calls it.
    pub name: String,
    /// Words and filters by name, JSON.
    pub search: String,
    /// When it was saved, in microseconds.
    pub created_at: i64,
    /// The stamp of the last entry its owner had when it was last looked at.
    pub mark: i64,
    /// When that was, in microseconds.
    pub looked_at: i64,
}

type Columns = (String, String, String, String, i64, i64, i64);

impl From<Columns> for SavedSearch {
    fn from((id, principal, name, search, created_at, mark, looked_at): Columns) -> Self {
        Self {
            id,
            principal,
            name,
            search,
            created_at,
            mark,
            looked_at,
        }
    }
}

impl Tx {
    /// Keeps a search.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_search(&mut self, one: &SavedSearch) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(&one.id).bind(&one.principal).bind(&one.name)
            .bind(&one.search).bind(one.created_at).bind(one.mark).bind(one.looked_at)
            .execute(conn).await?; });
        Ok(())
    }

    /// The searches of a principal, in the order they were saved.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_searches(
        &mut self,
        principal: &str,
    ) -> Result<Vec<SavedSearch>, StoreError> {
        let rows: Vec<Columns> =
            on!(self, conn => sqlx::query_as(OF).bind(principal).fetch_all(conn).await?);
        Ok(rows.into_iter().map(SavedSearch::from).collect())
    }

    /// One search of a principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_search(
        &mut self,
        id: &str,
        principal: &str,
    ) -> Result<Option<SavedSearch>, StoreError> {
        let row: Option<Columns> = on!(self, conn => sqlx::query_as(ONE).bind(id).bind(principal)
            .fetch_optional(conn).await?);
        Ok(row.map(SavedSearch::from))
    }

    /// A principal's search of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_search_named(
        &mut self,
        principal: &str,
        name: &str,
    ) -> Result<Option<SavedSearch>, StoreError> {
        let row: Option<Columns> = on!(self, conn => sqlx::query_as(NAMED).bind(principal)
            .bind(name).fetch_optional(conn).await?);
        Ok(row.map(SavedSearch::from))
    }

    /// Calls a search something else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rename_search(&mut self, id: &str, name: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(RENAME).bind(id).bind(name).execute(conn).await?; });
        Ok(())
    }

    /// Notes up to where a search was looked at; it never goes back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn looked_at_search(
        &mut self,
        id: &str,
        mark: i64,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(LOOKED).bind(id).bind(mark).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Forgets a search of a principal; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_search(&mut self, id: &str, principal: &str) -> Result<bool, StoreError> {
        let gone = on!(self, conn => sqlx::query(FORGET).bind(id).bind(principal)
            .execute(conn).await?.rows_affected());
        Ok(gone > 0)
    }
}
