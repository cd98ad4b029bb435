//! What readers say of what they received, and who opened it. Whom it is shown to, and how far its
//! giver is named, is decided above.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD, OF_ITEM, OF_GIVER, ONE, COUNT, ON_VERSION, ANSWER, ERASE, OPEN, OPENED, KINDS,
];

const ADD: &str = "INSERT INTO feedback (id, item, item_version, known_as, form, kind, principal, \
     body, content, rule, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const OF_ITEM: &str = "SELECT id, item, item_version, known_as, form, kind, principal, body, \
     content, rule, at, answer, answered_at FROM feedback WHERE item = $1 \
     AND (at > $2 OR at = $2 AND id > $3) ORDER BY at, id LIMIT $4";
const OF_GIVER: &str = "SELECT id, item, item_version, known_as, form, kind, principal, body, \
     content, rule, at, answer, answered_at FROM feedback WHERE item = $1 AND principal = $5 \
     AND (at > $2 OR at = $2 AND id > $3) ORDER BY at, id LIMIT $4";
const ONE: &str = "SELECT id, item, item_version, known_as, form, kind, principal, body, \
     content, rule, at, answer, answered_at FROM feedback WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) FROM feedback WHERE principal = $1 AND item = $2";
const ON_VERSION: &str = "SELECT id, item, item_version, known_as, form, kind, principal, body, \
     content, rule, at, answer, answered_at FROM feedback WHERE item_version = $1 ORDER BY at, id";
const ANSWER: &str = "UPDATE feedback SET answer = $1, answered_at = $2 \
     WHERE id = $3 AND answer IS NULL";
const ERASE: &str = "UPDATE feedback SET content = '{}', answer = NULL WHERE item_version = $1";
const KINDS: &str = "SELECT DISTINCT kind FROM feedback WHERE item = $1 \
     AND (principal = $2 OR $2 = '')";
const OPEN: &str = "INSERT INTO opened (item_version, principal, at) VALUES ($1, $2, $3) \
     ON CONFLICT (item_version, principal) DO NOTHING";
const OPENED: &str =
    "SELECT principal, at FROM opened WHERE item_version = $1 ORDER BY at, principal";

/// One act of feedback.
#[derive(Clone, Debug)]
pub struct FeedbackRow {
    /// Its id.
    pub id: String,
    /// The item it is about, as its source has it.
    pub item: String,
    /// The version of it.
    pub item_version: i64,
    /// The STIX id under which the giver has it.
    pub known_as: String,
    /// The form in which the giver has it.
    pub form: String,
    /// `ack`, `applicable`, ….
    pub kind: String,
    /// Who gave it.
    pub principal: String,
    /// The giver's body.
    pub body: String,
    /// What it says, JSON; `{}` once the item's content is erased.
    pub content: String,
    /// The item's rule joined with the giver's own default, JSON.
    pub rule: String,
    /// When, in microseconds.
    pub at: i64,
    /// What the source answered.
    pub answer: Option<String>,
    /// When it did, in microseconds.
    pub answered_at: Option<i64>,
}

type Row = (
    String,
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<i64>,
);

fn feedback(row: Row) -> FeedbackRow {
    FeedbackRow {
        id: row.0,
        item: row.1,
        item_version: row.2,
        known_as: row.3,
        form: row.4,
        kind: row.5,
        principal: row.6,
        body: row.7,
        content: row.8,
        rule: row.9,
        at: row.10,
        answer: row.11,
        answered_at: row.12,
    }
}

impl Tx {
    /// The kinds of feedback on an item, by anybody or by one giver.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feedback_kinds(
        &mut self,
        item: &str,
        giver: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = on!(self, conn => sqlx::query_as(KINDS).bind(item)
            .bind(giver.unwrap_or_default()).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(kind,)| kind).collect())
    }

    /// Keeps an act of feedback.
    ///
    /// # Errors
    /// When the database fails, or there is one under this id.
    pub async fn add_feedback(&mut self, f: &FeedbackRow) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(&f.id).bind(&f.item).bind(f.item_version)
            .bind(&f.known_as).bind(&f.form).bind(&f.kind).bind(&f.principal).bind(&f.body)
            .bind(&f.content).bind(&f.rule).bind(f.at).execute(conn).await?; });
        Ok(())
    }

    /// Feedback on an item after one act of it (its instant in microseconds, its id), oldest first:
    /// all there is, or one giver's alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feedback_of(
        &mut self,
        item: &str,
        giver: Option<&str>,
        (at, id): (i64, &str),
        limit: i64,
    ) -> Result<Vec<FeedbackRow>, StoreError> {
        let rows: Vec<Row> = match giver {
            None => on!(self, conn => sqlx::query_as(OF_ITEM).bind(item).bind(at).bind(id)
                .bind(limit).fetch_all(conn).await?),
            Some(giver) => on!(self, conn => sqlx::query_as(OF_GIVER).bind(item).bind(at).bind(id)
                .bind(limit).bind(giver).fetch_all(conn).await?),
        };
        Ok(rows.into_iter().map(feedback).collect())
    }

    /// One act of feedback.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feedback(&mut self, id: &str) -> Result<Option<FeedbackRow>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(ONE).bind(id).fetch_optional(conn).await?);
        Ok(row.map(feedback))
    }

    /// How often a giver spoke of an item.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feedback_count(&mut self, giver: &str, item: &str) -> Result<i64, StoreError> {
        let (count,): (i64,) = on!(self, conn => sqlx::query_as(COUNT).bind(giver).bind(item)
            .fetch_one(conn).await?);
        Ok(count)
    }

    /// All feedback on one version, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feedback_on(&mut self, item_version: i64) -> Result<Vec<FeedbackRow>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(ON_VERSION).bind(item_version)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(feedback).collect())
    }

    /// Answers a question; `false` where it is answered already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_feedback(
        &mut self,
        id: &str,
        answer: &str,
        at: i64,
    ) -> Result<bool, StoreError> {
        let done = on!(self, conn => sqlx::query(ANSWER).bind(answer).bind(at).bind(id)
            .execute(conn).await?.rows_affected());
        Ok(done == 1)
    }

    /// Forgets what was said of a version whose content is erased; that something was said stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erase_feedback(&mut self, item_version: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ERASE).bind(item_version).execute(conn).await?; });
        Ok(())
    }

    /// Notes that a person opened a version; the first time counts. `at` in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_opened(
        &mut self,
        item_version: i64,
        principal: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(OPEN).bind(item_version).bind(principal).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Who opened a version, and when first, in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opened(&mut self, item_version: i64) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(OPENED).bind(item_version).fetch_all(conn).await?))
    }
}
