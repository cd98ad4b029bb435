//! What happens by itself, and when.

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[READY, TAKE, CANCEL, CANCEL_EVENT, CANCEL_AFTER, NEXT, OF];

const READY: &str = "SELECT at, item_version, event, subject FROM due WHERE at <= $1 \
     ORDER BY at, item_version, event, subject LIMIT $2";
const TAKE: &str = "DELETE FROM due WHERE at = $1 AND item_version = $2 AND event = $3 \
     AND subject = $4";
const CANCEL: &str = "DELETE FROM due WHERE item_version = $1 AND event <> 'erase'";
const CANCEL_EVENT: &str = "DELETE FROM due WHERE item_version = $1 AND event = $2";
const CANCEL_AFTER: &str = "DELETE FROM due WHERE item_version = $1 AND event = $2 AND at > $3";
const NEXT: &str = "SELECT MIN(at) FROM due";

const OF: &str = "SELECT at, item_version, event, subject FROM due WHERE item_version = $1 \
     AND event = $2 ORDER BY at, subject";

/// One event: when it is due (microseconds), for which item version, what, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When, in microseconds.
    pub at: i64,
    /// The item version it happens to.
    pub item_version: i64,
    /// `embargo`, `reply`, `expiry`, `downgrade`, `erase`, `remind`.
    pub event: String,
    /// The approver of a reply, the stage of a reminder; else empty.
    pub subject: String,
}

type DueRow = (i64, i64, String, String);

fn due((at, item_version, event, subject): DueRow) -> Due {
    Due {
        at,
        item_version,
        event,
        subject,
    }
}

impl Tx {
    /// Puts an event on the list.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_due(&mut self, due: &Due) -> Result<(), StoreError> {
        self.add_all_due(std::slice::from_ref(due)).await
    }

    /// Puts a few events on the list.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_all_due(&mut self, list: &[Due]) -> Result<(), StoreError> {
        if list.is_empty() {
            return Ok(());
        }
        on!(self, conn => {
            let mut insert = QueryBuilder::new("INSERT INTO due (at, item_version, event, subject) ");
            insert.push_values(list, |mut row, due| {
                row.push_bind(due.at).push_bind(due.item_version).push_bind(&due.event)
                    .push_bind(&due.subject);
            });
            insert.push(" ON CONFLICT (at, item_version, event, subject) DO NOTHING");
            insert.build().execute(conn).await?;
        });
        Ok(())
    }

    /// Events due at `now` or before, the earliest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(&mut self, now: i64, limit: i64) -> Result<Vec<Due>, StoreError> {
        let rows: Vec<DueRow> =
            on!(self, conn => sqlx::query_as(READY).bind(now).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(due).collect())
    }

    /// Events of one kind that wait for an item version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_of(&mut self, item_version: i64, event: &str) -> Result<Vec<Due>, StoreError> {
        let rows: Vec<DueRow> = on!(self, conn => sqlx::query_as(OF).bind(item_version).bind(event)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(due).collect())
    }

    /// When the next event is due, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_due(&mut self) -> Result<Option<i64>, StoreError> {
        let (next,): (Option<i64>,) =
            on!(self, conn => sqlx::query_as(NEXT).fetch_one(conn).await?);
        Ok(next)
    }

    /// Takes an event off the list; `false` where somebody else has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_due(&mut self, due: &Due) -> Result<bool, StoreError> {
        let taken = on!(self, conn => sqlx::query(TAKE).bind(due.at).bind(due.item_version)
            .bind(&due.event).bind(&due.subject).execute(conn).await?.rows_affected());
        Ok(taken == 1)
    }

    /// Takes everything off that waits for an item version, but for the end of its retention.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_due(&mut self, item_version: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(CANCEL).bind(item_version).execute(conn).await?; });
        Ok(())
    }

    /// Takes one kind of event off for an item version where it is due later than an instant, in
    /// microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_due_after(
        &mut self,
        item_version: i64,
        event: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(CANCEL_AFTER).bind(item_version).bind(event).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Takes one kind of event off for an item version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_due_event(
        &mut self,
        item_version: i64,
        event: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(CANCEL_EVENT).bind(item_version).bind(event)
            .execute(conn).await?; });
        Ok(())
    }
}
