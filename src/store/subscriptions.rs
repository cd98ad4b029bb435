//! Who wants to be told of what.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD,
    ONE,
    OF,
    IN_STATE,
    SET_DEFINITION,
    SET_STATE,
    SET_MARK,
    LEAVE_BEHIND,
    ACTIVE_WITHIN,
    ROTATE,
    FORGET,
    FAILED,
    WORKED,
    NUMBER,
    FANNED_OUT,
    FAN_OUT,
    COUNT,
];

macro_rules! columns {
    () => {
        "id, principal, created_at, definition, state, reason, mark, secret, retiring, failures, \
         not_before"
    };
}

const ADD: &str = "INSERT INTO subscription (id, principal, created_at, definition, state, reason, mark, \
     last, secret, failures, not_before) VALUES ($1, $2, $3, $4, $6, '', $5, 0, 1, 0, 0)";
const ONE: &str = concat!("SELECT ", columns!(), " FROM subscription WHERE id = $1");
const OF: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM subscription WHERE principal = $1 ORDER BY created_at, id"
);
const IN_STATE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM subscription WHERE state = $1 ORDER BY id"
);
const SET_DEFINITION: &str = "UPDATE subscription SET definition = $2 WHERE id = $1";
const SET_STATE: &str = "UPDATE subscription SET state = $2, reason = $3, mark = $4, failures = 0, \
     not_before = 0 WHERE id = $1";
const SET_MARK: &str =
    "UPDATE subscription SET mark = $2, state = $3 WHERE id = $1 AND state = 'behind'";
const LEAVE_BEHIND: &str =
    "UPDATE subscription SET mark = $2, state = 'behind' WHERE id = $1 AND state = 'active'";
const ACTIVE_WITHIN: &str = "SELECT id, mark FROM subscription WHERE state = 'active' \
     AND mark >= $1 AND mark < $2";
const ROTATE: &str = "UPDATE subscription SET secret = secret + 1, retiring = $2 WHERE id = $1";
const FORGET: &str = "DELETE FROM subscription WHERE id = $1";
const FAILED: &str = "UPDATE subscription SET failures = failures + 1, \
     not_before = CASE WHEN not_before > $2 THEN not_before ELSE $2 END WHERE id = $1";
const WORKED: &str = "UPDATE subscription SET failures = 0, not_before = 0 WHERE id = $1 \
     AND (failures <> 0 OR not_before <> 0)";
const NUMBER: &str = "UPDATE subscription SET last = last + $2 WHERE id = $1 AND state = $3 \
     RETURNING last";
const FANNED_OUT: &str = "SELECT value FROM counter WHERE name = 'fan_out'";
const FAN_OUT: &str = "UPDATE counter SET value = $2 WHERE name = 'fan_out' AND value = $1";
const COUNT: &str = "SELECT COUNT(*) FROM subscription WHERE principal = $1";

/// A subscription as stored.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Whose it is; what they may see is what it tells.
    pub principal: String,
    /// When it was made, in microseconds.
    pub created_at: i64,
    /// What, how and when, as JSON.
    pub definition: String,
    /// `pending` (a mail address has not confirmed), `active`, `behind`, `paused`, `stopped`.
    pub state: String,
    /// Why the hub stopped it; else empty.
    pub reason: String,
    /// Nothing up to this stamp becomes a delivery.
    pub mark: i64,
    /// Which signing secret is in use, counted from 1.
    pub secret: i64,
    /// Until when the secret before that signs too, in microseconds.
    pub retiring: Option<i64>,
    /// Attempts that failed since one succeeded.
    pub failures: i64,
    /// No attempt before this, in microseconds.
    pub not_before: i64,
}

type Row = (
    String,
    String,
    i64,
    String,
    String,
    String,
    i64,
    i64,
    Option<i64>,
    i64,
    i64,
);

fn subscription(
    (
        id,
        principal,
        created_at,
        definition,
        state,
        reason,
        mark,
        secret,
        retiring,
        failures,
        not_before,
    ): Row,
) -> Subscription {
    Subscription {
        id,
        principal,
        created_at,
        definition,
        state,
        reason,
        mark,
        secret,
        retiring,
        failures,
        not_before,
    }
}

impl Tx {
    /// Makes a subscription in a state that tells what is newer than `mark`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_subscription(
        &mut self,
        id: &str,
        principal: &str,
        at: i64,
        definition: &str,
        (mark, state): (i64, &str),
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(id).bind(principal).bind(at).bind(definition)
            .bind(mark).bind(state).execute(conn).await?; });
        Ok(())
    }

    /// One subscription.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscription(&mut self, id: &str) -> Result<Option<Subscription>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(ONE).bind(id).fetch_optional(conn).await?);
        Ok(row.map(subscription))
    }

    /// A principal's subscriptions, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscriptions_of(
        &mut self,
        principal: &str,
    ) -> Result<Vec<Subscription>, StoreError> {
        let rows: Vec<Row> =
            on!(self, conn => sqlx::query_as(OF).bind(principal).fetch_all(conn).await?);
        Ok(rows.into_iter().map(subscription).collect())
    }

    /// How many subscriptions a principal has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_subscriptions(&mut self, principal: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) =
            on!(self, conn => sqlx::query_as(COUNT).bind(principal).fetch_one(conn).await?);
        Ok(count)
    }

    /// Every subscription in a state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscriptions_in(&mut self, state: &str) -> Result<Vec<Subscription>, StoreError> {
        let rows: Vec<Row> =
            on!(self, conn => sqlx::query_as(IN_STATE).bind(state).fetch_all(conn).await?);
        Ok(rows.into_iter().map(subscription).collect())
    }

    /// Gives a subscription another definition.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn define_subscription(
        &mut self,
        id: &str,
        definition: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_DEFINITION).bind(id).bind(definition).execute(conn).await?; });
        Ok(())
    }

    /// Sets state, reason and mark; failures are forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_subscription(
        &mut self,
        id: &str,
        state: &str,
        reason: &str,
        mark: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_STATE).bind(id).bind(state).bind(reason).bind(mark)
            .execute(conn).await?; });
        Ok(())
    }

    /// Moves the mark of a subscription that is behind; `active` where it has caught up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn advance_subscription(
        &mut self,
        id: &str,
        mark: i64,
        state: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_MARK).bind(id).bind(mark).bind(state).execute(conn).await?; });
        Ok(())
    }

    /// Active subscriptions, by id, whose marks lie from `from` on and before `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn active_within(
        &mut self,
        from: i64,
        to: i64,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(ACTIVE_WITHIN).bind(from).bind(to).fetch_all(conn).await?),
        )
    }

    /// Lets an active subscription fall behind, at a mark.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave_behind(&mut self, id: &str, mark: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(LEAVE_BEHIND).bind(id).bind(mark).execute(conn).await?; });
        Ok(())
    }

    /// Takes the next signing secret into use; the one before signs too until `retiring`
    /// (microseconds).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_subscription(&mut self, id: &str, retiring: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ROTATE).bind(id).bind(retiring).execute(conn).await?; });
        Ok(())
    }

    /// Deletes a subscription.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_subscription(&mut self, id: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FORGET).bind(id).execute(conn).await?; });
        Ok(())
    }

    /// Counts a failed attempt, and lets the receiver rest until an instant in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rest_subscription(&mut self, id: &str, until: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FAILED).bind(id).bind(until).execute(conn).await?; });
        Ok(())
    }

    /// An attempt succeeded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subscription_worked(&mut self, id: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(WORKED).bind(id).execute(conn).await?; });
        Ok(())
    }

    /// Takes `count` numbers for deliveries; the first. `None` where there is no such subscription
    /// in this state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn number_deliveries(
        &mut self,
        id: &str,
        count: i64,
        state: &str,
    ) -> Result<Option<i64>, StoreError> {
        let last: Option<(i64,)> = on!(self, conn => sqlx::query_as(NUMBER).bind(id).bind(count).bind(state).fetch_optional(conn).await?);
        Ok(last.map(|(last,)| last - count + 1))
    }

    /// Up to which stamp the log has become deliveries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fanned_out(&mut self) -> Result<i64, StoreError> {
        let (mark,): (i64,) = on!(self, conn => sqlx::query_as(FANNED_OUT).fetch_one(conn).await?);
        Ok(mark)
    }

    /// Says that the log has become deliveries up to `to`; `false` where it was not at `from`, since
    /// another process was faster.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fan_out(&mut self, from: i64, to: i64) -> Result<bool, StoreError> {
        let moved = on!(self, conn => sqlx::query(FAN_OUT).bind(from).bind(to).execute(conn).await?
            .rows_affected());
        Ok(moved == 1)
    }
}
