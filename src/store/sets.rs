//! Working sets: lists of reports, and notes, that one principal keeps.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD, ONE, OF, COUNT, CHANGE, END, END_ITEMS, ITEMS, PUT, NOTE, REMOVE,
];

const ADD: &str = "INSERT INTO working_set (id, principal, name, note, version, created_at, \
     changed_at) VALUES ($1, $2, $3, $4, 1, $5, $5)";
const ONE: &str = "SELECT id, name, note, version, created_at, changed_at FROM working_set \
     WHERE id = $1 AND principal = $2";
const OF: &str = "SELECT id, name, note, version, created_at, changed_at FROM working_set \
     WHERE principal = $1 ORDER BY created_at DESC, id";
const COUNT: &str = "SELECT COUNT(*) FROM working_set WHERE principal = $1";
const CHANGE: &str = "UPDATE working_set SET name = $2, note = $3, version = version + 1, \
     changed_at = $4 WHERE id = $1";
const END: &str = "DELETE FROM working_set WHERE id = $1";
const END_ITEMS: &str = "DELETE FROM working_set_item WHERE working_set = $1";
const ITEMS: &str = "SELECT report, note, added_at FROM working_set_item WHERE working_set = $1 \
     ORDER BY added_at, report";
const PUT: &str = "INSERT INTO working_set_item (working_set, report, note, added_at) \
     VALUES ($1, $2, '', $3) ON CONFLICT (working_set, report) DO NOTHING";
const NOTE: &str = "UPDATE working_set_item SET note = $3 WHERE working_set = $1 AND report = $2";
const REMOVE: &str = "DELETE FROM working_set_item WHERE working_set = $1 AND report = $2";

/// A set as stored.
#[derive(Clone, Debug)]
pub struct SetRow {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The note on the whole.
    pub note: String,
    /// Counted from 1.
    pub version: i64,
    /// When it was made, in microseconds.
    pub created_at: i64,
    /// When it was last changed, in microseconds.
    pub changed_at: i64,
}

/// What was put into a set.
#[derive(Clone, Debug)]
pub struct SetItemRow {
    /// The id under which its owner had the report.
    pub report: String,
    /// The note on it.
    pub note: String,
    /// When it was put there, in microseconds.
    pub added_at: i64,
}

type Columns = (String, String, String, i64, i64, i64);

impl From<Columns> for SetRow {
    fn from((id, name, note, version, created_at, changed_at): Columns) -> Self {
        Self {
            id,
            name,
            note,
            version,
            created_at,
            changed_at,
        }
    }
}

impl Tx {
    /// Makes a set without anything in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_set(
        &mut self,
        id: &str,
        principal: &str,
        (name, note): (&str, &str),
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(id).bind(principal).bind(name).bind(note).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// One set of a principal's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_of(
        &mut self,
        id: &str,
        principal: &str,
    ) -> Result<Option<SetRow>, StoreError> {
        let row: Option<Columns> = on!(self, conn => sqlx::query_as(ONE).bind(id).bind(principal)
            .fetch_optional(conn).await?);
        Ok(row.map(SetRow::from))
    }

    /// A principal's sets, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sets_of(&mut self, principal: &str) -> Result<Vec<SetRow>, StoreError> {
        let rows: Vec<Columns> =
            on!(self, conn => sqlx::query_as(OF).bind(principal).fetch_all(conn).await?);
        Ok(rows.into_iter().map(SetRow::from).collect())
    }

    /// How many sets a principal has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_sets(&mut self, principal: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) =
            on!(self, conn => sqlx::query_as(COUNT).bind(principal).fetch_one(conn).await?);
        Ok(count)
    }

    /// Gives a set its name and note, and its next version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_set(
        &mut self,
        id: &str,
        (name, note): (&str, &str),
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(CHANGE).bind(id).bind(name).bind(note).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Deletes a set with everything in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_set(&mut self, id: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(END_ITEMS).bind(id).execute(conn).await?; });
        on!(self, conn => { sqlx::query(END).bind(id).execute(conn).await?; });
        Ok(())
    }

    /// All that was put into a set, in that order, whether its owner still reads it or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_items(&mut self, id: &str) -> Result<Vec<SetItemRow>, StoreError> {
        let rows: Vec<(String, String, i64)> =
            on!(self, conn => sqlx::query_as(ITEMS).bind(id).fetch_all(conn).await?);
        let rows = rows.into_iter().map(|(report, note, added_at)| SetItemRow {
            report,
            note,
            added_at,
        });
        Ok(rows.collect())
    }

    /// Puts a report into a set where it is not there yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_in_set(&mut self, id: &str, report: &str, at: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PUT).bind(id).bind(report).bind(at).execute(conn).await?; });
        Ok(())
    }

    /// Notes something on what is in a set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_in_set(
        &mut self,
        id: &str,
        report: &str,
        note: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(NOTE).bind(id).bind(report).bind(note).execute(conn).await?; });
        Ok(())
    }

    /// Takes a report out of a set, with its note; whether it was there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_from_set(&mut self, id: &str, report: &str) -> Result<bool, StoreError> {
        let gone = on!(self, conn => sqlx::query(REMOVE).bind(id).bind(report).execute(conn).await?
            .rows_affected());
        Ok(gone > 0)
    }
}
