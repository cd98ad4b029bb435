//! What is on its way to subscribers, and every attempt.

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD,
    READY,
    CLAIM,
    TRIED,
    ENDED,
    AGAIN,
    DONE,
    REVIVE,
    OF,
    ONE,
    ATTEMPTS,
    WAITING,
    OPEN,
    FILL,
    FORGET,
    FORGET_ATTEMPTS,
    TOLD,
    EXPIRED,
    EXPIRED_ATTEMPTS,
    DEAD_IN_A_ROW,
    NOT_MADE,
    NO_ATTEMPT,
];

macro_rules! columns {
    () => {
        "id, subscription, number, lane, stamps, created_at, state, next_at, attempts"
    };
}

const ADD: &str = "INSERT INTO delivery (id, subscription, number, lane, stamps, created_at, state, \
     next_at, claimed_until, attempts) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, 0, 0)";
// The first that waits of each lane, where its subscriber is neither resting nor stopped. While an
// address is not confirmed, nothing goes there but what asks it (lane 2).
const READY: &str = "SELECT d.id, d.subscription, d.number, d.lane, d.stamps, d.created_at, d.state, \
     d.next_at, d.attempts FROM delivery d JOIN subscription s ON s.id = d.subscription \
     WHERE d.state = 'waiting' AND d.next_at <= $1 AND d.claimed_until <= $1 AND s.not_before <= $1 \
     AND (s.state IN ('active', 'behind') OR (s.state = 'pending' AND d.lane = 2)) \
     AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.subscription = d.subscription \
     AND e.lane = d.lane AND e.state = 'waiting' AND e.number < d.number) \
     ORDER BY d.lane DESC, d.next_at, d.id LIMIT $2";
const CLAIM: &str = "UPDATE delivery SET claimed_until = $2, attempts = attempts + 1 \
     WHERE id = $1 AND state = 'waiting' AND claimed_until <= $3 RETURNING attempts";
const TRIED: &str =
    "INSERT INTO attempt (delivery, number, at, outcome) VALUES ($1, $2, $3, 'sending')";
const ENDED: &str =
    "UPDATE attempt SET ended_at = $3, outcome = $4 WHERE delivery = $1 AND number = $2";
const NOT_MADE: &str = "UPDATE delivery SET claimed_until = 0, attempts = attempts - 1, next_at = $3 \
     WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
const NO_ATTEMPT: &str = "DELETE FROM attempt WHERE delivery = $1 AND number = $2";
const AGAIN: &str = "UPDATE delivery SET next_at = $3, claimed_until = 0 \
     WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
const DONE: &str = "UPDATE delivery SET state = $3, claimed_until = 0 \
     WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
const WAITING: &str = "SELECT COUNT(*) FROM delivery WHERE subscription = $1 AND state = 'waiting'";
// The last one, where it has not been tried.
const OPEN: &str = "SELECT id, stamps FROM delivery WHERE subscription = $1 AND lane = 0 \
     AND state = 'waiting' AND next_at = $2 AND attempts = 0 ORDER BY number DESC LIMIT 1";
const FILL: &str = "UPDATE delivery SET stamps = $2 WHERE id = $1";
const REVIVE: &str = "UPDATE delivery SET state = 'waiting', next_at = $3 \
     WHERE id = $1 AND subscription = $2 AND state = 'dead'";
const OF: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM delivery WHERE subscription = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
);
const ONE: &str = concat!("SELECT ", columns!(), " FROM delivery WHERE id = $1");
const ATTEMPTS: &str =
    "SELECT number, at, ended_at, outcome FROM attempt WHERE delivery = $1 ORDER BY number";
const FORGET: &str = "DELETE FROM delivery WHERE subscription = $1";
const FORGET_ATTEMPTS: &str =
    "DELETE FROM attempt WHERE delivery IN (SELECT id FROM delivery WHERE subscription = $1)";
const TOLD: &str = "SELECT principal, at FROM told WHERE item_version = $1 ORDER BY at, principal";
const EXPIRED: &str = "DELETE FROM delivery WHERE created_at < $1 AND state <> 'waiting'";
const EXPIRED_ATTEMPTS: &str = "DELETE FROM attempt WHERE delivery IN \
     (SELECT id FROM delivery WHERE created_at < $1 AND state <> 'waiting')";
const DEAD_IN_A_ROW: &str = "SELECT state FROM delivery WHERE subscription = $1 AND state IN \
     ('dead', 'delivered') ORDER BY number DESC LIMIT $2";

/// A delivery as stored.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, the same over all attempts.
    pub id: String,
    /// To which subscription.
    pub subscription: String,
    /// The how-manieth of its subscription.
    pub number: i64,
    /// 2: asks a mail address for its say; 1: at once; 0: in its time.
    pub lane: i64,
    /// The entries' stamps, a JSON list; in lane 2 which confirmation it is, alone, or none where nothing is mailed.
    pub stamps: String,
    /// When it was made, in microseconds.
    pub created_at: i64,
    /// `waiting`, `delivered`, `withheld`, `dead`.
    pub state: String,
    /// When it is tried next, in microseconds.
    pub next_at: i64,
    /// How often it was tried.
    pub attempts: i64,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Counted from 1.
    pub number: i64,
    /// When it began, in microseconds.
    pub at: i64,
    /// When it ended, in microseconds; not yet, or with its process.
    pub ended_at: Option<i64>,
    /// `sending`, `delivered`, or why not.
    pub outcome: String,
}

type Row = (String, String, i64, i64, String, i64, String, i64, i64);

fn delivery(
    (id, subscription, number, lane, stamps, created_at, state, next_at, attempts): Row,
) -> Delivery {
    Delivery {
        id,
        subscription,
        number,
        lane,
        stamps,
        created_at,
        state,
        next_at,
        attempts,
    }
}

impl Tx {
    /// Adds a delivery that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_delivery(&mut self, new: &Delivery) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(&new.id).bind(&new.subscription).bind(new.number)
            .bind(new.lane).bind(&new.stamps).bind(new.created_at).bind(new.next_at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Notes that the subscriber was told of the versions of some kinds that are among a delivery's
    /// entries; the first time counts. `at` in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_told(
        &mut self,
        subscription: &str,
        stamps: &[i64],
        kinds: &[&str],
        at: i64,
    ) -> Result<(), StoreError> {
        if stamps.is_empty() {
            return Ok(());
        }
        on!(self, conn => {
            let mut insert = QueryBuilder::new(
                "INSERT INTO told (item_version, principal, at) SELECT DISTINCT r.item_version, s.principal, CAST(");
            insert.push_bind(at).push(" AS BIGINT) FROM release r, subscription s WHERE s.id = ");
            insert.push_bind(subscription).push(" AND r.item_version IS NOT NULL AND r.kind IN (");
            let mut list = insert.separated(", ");
            for kind in kinds {
                list.push_bind(*kind);
            }
            insert.push(") AND r.stamp IN (");
            let mut list = insert.separated(", ");
            for stamp in stamps {
                list.push_bind(*stamp);
            }
            insert.push(") ON CONFLICT (item_version, principal) DO NOTHING");
            insert.build().execute(conn).await?;
        });
        Ok(())
    }

    /// Who was told of a version, and when first, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn told(&mut self, item_version: i64) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(TOLD).bind(item_version).fetch_all(conn).await?))
    }

    /// The first that waits in each lane of each subscription and is due at `now` (microseconds).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries_due(
        &mut self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> =
            on!(self, conn => sqlx::query_as(READY).bind(now).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(delivery).collect())
    }

    /// Takes a delivery for one attempt, until an instant in microseconds; the attempt's number, or
    /// `None` where another process has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_delivery(
        &mut self,
        id: &str,
        until: i64,
        now: i64,
    ) -> Result<Option<i64>, StoreError> {
        let taken: Option<(i64,)> = on!(self, conn => sqlx::query_as(CLAIM).bind(id).bind(until)
            .bind(now).fetch_optional(conn).await?);
        let Some((attempt,)) = taken else {
            return Ok(None);
        };
        on!(self, conn => { sqlx::query(TRIED).bind(id).bind(attempt).bind(now).execute(conn).await?; });
        Ok(Some(attempt))
    }

    /// Gives a delivery back that was taken for an attempt which was not made; it is due again at
    /// `again`, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unclaim_delivery(
        &mut self,
        id: &str,
        attempt: i64,
        again: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => {
            let given = sqlx::query(NOT_MADE).bind(id).bind(attempt).bind(again).execute(&mut *conn).await?;
            if given.rows_affected() == 1 {
                sqlx::query(NO_ATTEMPT).bind(id).bind(attempt).execute(conn).await?;
            }
        });
        Ok(())
    }

    /// Notes how an attempt ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_attempt(
        &mut self,
        id: &str,
        attempt: i64,
        now: i64,
        outcome: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ENDED).bind(id).bind(attempt).bind(now).bind(outcome)
            .execute(conn).await?; });
        Ok(())
    }

    /// Lets a delivery be tried again at an instant, in microseconds, where this was its last attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_delivery(
        &mut self,
        id: &str,
        attempt: i64,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(AGAIN).bind(id).bind(attempt).bind(at).execute(conn).await?; });
        Ok(())
    }

    /// Ends a delivery, where this was its last attempt: `delivered`, `withheld` or `dead`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_delivery(
        &mut self,
        id: &str,
        attempt: i64,
        state: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(DONE).bind(id).bind(attempt).bind(state).execute(conn).await?; });
        Ok(())
    }

    /// How many deliveries wait for a subscriber.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_waiting(&mut self, subscription: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) =
            on!(self, conn => sqlx::query_as(WAITING).bind(subscription).fetch_one(conn).await?);
        Ok(count)
    }

    /// The delivery that waits for an instant (microseconds) and may be added to: id and stamps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_digest(
        &mut self,
        subscription: &str,
        next_at: i64,
    ) -> Result<Option<(String, String)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(OPEN).bind(subscription).bind(next_at)
            .fetch_optional(conn).await?),
        )
    }

    /// Gives a delivery other entries: their stamps, a JSON list.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fill_digest(&mut self, id: &str, stamps: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FILL).bind(id).bind(stamps).execute(conn).await?; });
        Ok(())
    }

    /// Lets a dead delivery of a subscription be tried again; whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revive_delivery(
        &mut self,
        id: &str,
        subscription: &str,
        at: i64,
    ) -> Result<bool, StoreError> {
        let revived = on!(self, conn => sqlx::query(REVIVE).bind(id).bind(subscription).bind(at)
            .execute(conn).await?.rows_affected());
        Ok(revived == 1)
    }

    /// A subscription's deliveries below a number, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries_of(
        &mut self,
        subscription: &str,
        before: i64,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(OF).bind(subscription).bind(before)
            .bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(delivery).collect())
    }

    /// One delivery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery(&mut self, id: &str) -> Result<Option<Delivery>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(ONE).bind(id).fetch_optional(conn).await?);
        Ok(row.map(delivery))
    }

    /// Every attempt at a delivery, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempts(&mut self, delivery: &str) -> Result<Vec<Attempt>, StoreError> {
        let rows: Vec<(i64, i64, Option<i64>, String)> =
            on!(self, conn => sqlx::query_as(ATTEMPTS).bind(delivery).fetch_all(conn).await?);
        let attempt = |(number, at, ended_at, outcome)| Attempt {
            number,
            at,
            ended_at,
            outcome,
        };
        Ok(rows.into_iter().map(attempt).collect())
    }

    /// The states of a subscription's latest deliveries that were settled by their attempts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_outcomes(
        &mut self,
        subscription: &str,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = on!(self, conn => sqlx::query_as(DEAD_IN_A_ROW)
            .bind(subscription).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(state,)| state).collect())
    }

    /// Deletes a subscription's deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_deliveries(&mut self, subscription: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FORGET_ATTEMPTS).bind(subscription).execute(conn).await?; });
        on!(self, conn => { sqlx::query(FORGET).bind(subscription).execute(conn).await?; });
        Ok(())
    }

    /// Deletes settled deliveries made before an instant, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_old_deliveries(&mut self, before: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(EXPIRED_ATTEMPTS).bind(before).execute(conn).await?; });
        on!(self, conn => { sqlx::query(EXPIRED).bind(before).execute(conn).await?; });
        Ok(())
    }
}
