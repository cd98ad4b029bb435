//! The consents that items wait for: who is asked, what they said, what their silence came to.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ASK, ASKED, VOTE, VOTES, VOID, WAITING, LAPSE, STRICTER, AGREE, AGREED,
];

const ASK: &str = "INSERT INTO approval (item_version, approver, mode, due_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (item_version, approver) DO NOTHING";
const ASKED: &str = "SELECT approver, mode, due_at, superior, outcome FROM approval \
     WHERE item_version = $1 ORDER BY approver";
const VOTE: &str = "INSERT INTO vote (item_version, approver, principal, yes, comment, at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (item_version, approver, principal) DO NOTHING";
const VOTES: &str = "SELECT approver, principal, yes, comment, at FROM vote \
     WHERE item_version = $1 ORDER BY at, approver, principal";
const VOID: &str = "DELETE FROM vote WHERE item_version = $1 AND approver = $2";
const WAITING: &str = "SELECT a.item_version, a.approver FROM approval a \
     JOIN item_version v ON v.key = a.item_version \
     WHERE (a.approver = $1 OR a.superior = $1) AND v.state = 'held' AND a.item_version < $2 \
     AND (a.outcome IS NULL OR a.outcome = 'escalated') \
     ORDER BY a.item_version DESC, a.approver LIMIT $3";
const LAPSE: &str = "UPDATE approval SET lapsed_at = $1, outcome = $2, superior = $3, due_at = $4 \
     WHERE item_version = $5 AND approver = $6";

const STRICTER: &str = "UPDATE approval SET mode = $1, due_at = $2, outcome = NULL, lapsed_at = NULL \
     WHERE item_version = $3 AND approver = $4";
const AGREE: &str = "INSERT INTO way_out (item_version, way, body, principal, at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (item_version, way, body) DO NOTHING";
const AGREED: &str = "SELECT body FROM way_out WHERE item_version = $1 AND way = $2 ORDER BY body";

/// A vote as stored: approver, who, yes, comment, when in microseconds.
pub type VoteRow = (String, String, bool, String, i64);

/// A consent as asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In whose name an answer is given.
    pub approver: String,
    /// `silent`, `explicit`, `two_person`.
    pub mode: String,
    /// When the time to reply ends, in microseconds.
    pub due_at: Option<i64>,
    /// Who may answer instead, since the approver did not.
    pub superior: Option<String>,
    /// What silence came to: `agreed`, `released`, `escalated`, `refused`.
    pub outcome: Option<String>,
}

type AskedRow = (String, String, Option<i64>, Option<String>, Option<String>);

impl Tx {
    /// Asks for a consent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask(
        &mut self,
        key: i64,
        approver: &str,
        mode: &str,
        due_at: Option<i64>,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ASK).bind(key).bind(approver).bind(mode).bind(due_at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Consents asked for a version, by approver.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn asked(&mut self, key: i64) -> Result<Vec<Asked>, StoreError> {
        let rows: Vec<AskedRow> =
            on!(self, conn => sqlx::query_as(ASKED).bind(key).fetch_all(conn).await?);
        Ok(rows
            .into_iter()
            .map(|(approver, mode, due_at, superior, outcome)| Asked {
                approver,
                mode,
                due_at,
                superior,
                outcome,
            })
            .collect())
    }

    /// Asks an approver for more than before; what silence came to no longer counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_stricter(
        &mut self,
        key: i64,
        approver: &str,
        mode: &str,
        due_at: Option<i64>,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(STRICTER).bind(mode).bind(due_at).bind(key).bind(approver)
            .execute(conn).await?; });
        Ok(())
    }

    /// Records what an approver's silence came to, with who may answer instead until when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lapse(
        &mut self,
        key: i64,
        approver: &str,
        outcome: &str,
        now: i64,
        superior: Option<(&str, i64)>,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(LAPSE).bind(now).bind(outcome)
            .bind(superior.map(|(who, _)| who)).bind(superior.map(|(_, due)| due))
            .bind(key).bind(approver).execute(conn).await?; });
        Ok(())
    }

    /// Records a vote; whether it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn vote(
        &mut self,
        key: i64,
        approver: &str,
        principal: &str,
        yes: bool,
        comment: &str,
        at: i64,
    ) -> Result<bool, StoreError> {
        let done = on!(self, conn => sqlx::query(VOTE).bind(key).bind(approver).bind(principal)
            .bind(yes).bind(comment).bind(at).execute(conn).await?.rows_affected());
        Ok(done == 1)
    }

    /// Votes on a version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn votes(&mut self, key: i64) -> Result<Vec<VoteRow>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(VOTES).bind(key).fetch_all(conn).await?))
    }

    /// Makes room for another answer of an approver's: those given were about something else. That
    /// they were given stays in the ledger.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn void_votes(&mut self, key: i64, approver: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(VOID).bind(key).bind(approver).execute(conn).await?; });
        Ok(())
    }

    /// Held versions that wait for an approver, or for who answers in its place: newest first,
    /// older than `before`, with the approver in whose name it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_for(
        &mut self,
        approver: &str,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(WAITING).bind(approver).bind(before).bind(limit)
            .fetch_all(conn).await?),
        )
    }

    /// Records that a body's point of contact agrees to a way out of a conflict.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agree(
        &mut self,
        key: i64,
        way: &str,
        body: &str,
        principal: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(AGREE).bind(key).bind(way).bind(body).bind(principal)
            .bind(at).execute(conn).await?; });
        Ok(())
    }

    /// The bodies that agreed to a way out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agreed(&mut self, key: i64, way: &str) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> =
            on!(self, conn => sqlx::query_as(AGREED).bind(key).bind(way).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(body,)| body).collect())
    }
}
