//! Versions of items, what they were made of, and interned audiences.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ADD,
    LATEST,
    BY_KEY,
    OF_ITEM,
    FACTS,
    SET_STATE,
    RANKED,
    SET_RULE,
    AUDIENCES_AFTER,
    AUDIENCE_BY_DIGEST,
    ADD_AUDIENCE,
    CHANGE_AUDIENCE,
    OUT,
    LEVELS,
    ITEM_OF_OBJECT,
    SET_LEVEL,
    ADD_PART,
    PARTS,
    MADE_OF,
];

const ADD: &str = "INSERT INTO item_version (key, item, version, kind, ceptoar, submitter_body, \
     submitter, operator, level, rule, clauses, state, holds, generalises, received_at, \
     facts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const LATEST: &str = "SELECT key, item, version, kind, ceptoar, submitter_body, submitter, operator, \
     level, rule, clauses, state, holds, generalises, received_at FROM item_version \
     WHERE item = $1 ORDER BY version DESC LIMIT 1";
const BY_KEY: &str = "SELECT key, item, version, kind, ceptoar, submitter_body, submitter, operator, \
     level, rule, clauses, state, holds, generalises, received_at FROM item_version WHERE key = $1";
const FACTS: &str = "SELECT facts FROM item_version WHERE key = $1";
const OF_ITEM: &str = "SELECT key FROM item_version WHERE item = $1 ORDER BY version";
const SET_STATE: &str = "UPDATE item_version SET state = $1, holds = $2 WHERE key = $3";
const RANKED: &str = "SELECT v.key, COALESCE(MAX(o.version_at), 0) FROM item_version v \
     LEFT JOIN object o ON o.item_version = v.key AND o.form = 'identified' \
     WHERE v.item = $1 GROUP BY v.key ORDER BY 2, v.key";
const SET_RULE: &str = "UPDATE item_version SET rule = $1 WHERE key = $2";
const AUDIENCES_AFTER: &str = "SELECT id, definition FROM audience WHERE id > $1 ORDER BY id";
const AUDIENCE_BY_DIGEST: &str = "SELECT id FROM audience WHERE digest = $1";
const ADD_AUDIENCE: &str = "INSERT INTO audience (id, digest, definition) VALUES ($1, $2, $3)";
const ITEM_OF_OBJECT: &str = "SELECT item_version FROM object WHERE stix_id = $1 AND report IS NOT NULL \
     AND item_version IS NOT NULL ORDER BY key DESC LIMIT 1";

const CHANGE_AUDIENCE: &str = "UPDATE audience SET definition = $1, digest = $2 WHERE id = $3";
const OUT: &str = "SELECT key FROM item_version WHERE level = $1 AND ceptoar = $2 \
     AND state IN ('released', 'held', 'refused', 'superseded') ORDER BY key";
const LEVELS: &str = "SELECT DISTINCT level, ceptoar FROM item_version ORDER BY level, ceptoar";
const SET_LEVEL: &str = "UPDATE item_version SET level = $1, clauses = $2 WHERE key = $3";
const ADD_PART: &str = "INSERT INTO part (item_version, part) VALUES ($1, $2) \
     ON CONFLICT (item_version, part) DO NOTHING";
const PARTS: &str = "SELECT part FROM part WHERE item_version = $1 ORDER BY part";
const MADE_OF: &str = "SELECT item_version FROM part WHERE part = $1 ORDER BY item_version";

/// A version as it is accepted.
#[derive(Clone, Debug)]
pub struct NewItemVersion {
    /// The item.
    pub item: String,
    /// 1 for the first.
    pub version: i64,
    /// `incident_cause`, `best_practice`, …, or `stix`.
    pub kind: String,
    /// Whose rules apply.
    pub ceptoar: String,
    /// Who submitted it.
    pub submitter_body: String,
    /// The person or service that did.
    pub submitter: String,
    /// The operator it came from.
    pub operator: Option<String>,
    /// Scheme, version and level.
    pub level: String,
    /// The joined rule, JSON.
    pub rule: String,
    /// Who decided which dimension, JSON.
    pub clauses: String,
    /// `released`, `held`, `refused`, `withdrawn`.
    pub state: String,
    /// Why it is held, a JSON list.
    pub holds: String,
    /// The item it re-tells.
    pub generalises: Option<String>,
    /// When, in microseconds.
    pub received_at: i64,
    /// What the charter's policies ask of it, JSON; read back by [`Tx::facts`] alone.
    pub facts: Option<String>,
}

impl NewItemVersion {
    /// The bodies that take part in every decision on it: its CEPTOAR, who sent it, whose it is.
    #[must_use]
    pub fn parties(&self) -> Vec<&str> {
        let mut parties = vec![self.ceptoar.as_str(), self.submitter_body.as_str()];
        parties.extend(self.operator.as_deref());
        parties.sort_unstable();
        parties.dedup();
        parties
    }
}

/// A version as stored.
#[derive(Clone, Debug)]
pub struct ItemVersion {
    /// The hub's number for it.
    pub key: i64,
    /// What was accepted.
    pub value: NewItemVersion,
}

type Row = (
    i64,
    String,
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    i64,
);

fn item_version(row: Row) -> ItemVersion {
    ItemVersion {
        key: row.0,
        value: NewItemVersion {
            item: row.1,
            version: row.2,
            kind: row.3,
            ceptoar: row.4,
            submitter_body: row.5,
            submitter: row.6,
            operator: row.7,
            level: row.8,
            rule: row.9,
            clauses: row.10,
            state: row.11,
            holds: row.12,
            generalises: row.13,
            received_at: row.14,
            facts: None,
        },
    }
}

impl Tx {
    /// Adds a version under a number already taken.
    ///
    /// # Errors
    /// When the database fails, or the version is there already.
    pub async fn add_item_version(
        &mut self,
        key: i64,
        v: &NewItemVersion,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD).bind(key).bind(&v.item).bind(v.version).bind(&v.kind)
            .bind(&v.ceptoar).bind(&v.submitter_body).bind(&v.submitter).bind(&v.operator)
            .bind(&v.level).bind(&v.rule).bind(&v.clauses).bind(&v.state).bind(&v.holds)
            .bind(&v.generalises).bind(v.received_at).bind(&v.facts).execute(conn).await?; });
        Ok(())
    }

    /// The latest version of an item.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_version(&mut self, item: &str) -> Result<Option<ItemVersion>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(LATEST).bind(item).fetch_optional(conn).await?);
        Ok(row.map(item_version))
    }

    /// A version by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn item_version(&mut self, key: i64) -> Result<Option<ItemVersion>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(BY_KEY).bind(key).fetch_optional(conn).await?);
        Ok(row.map(item_version))
    }

    /// What the charter's policies ask of a version, JSON; none where it is not known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn facts(&mut self, key: i64) -> Result<Option<String>, StoreError> {
        let row: Option<(Option<String>,)> =
            on!(self, conn => sqlx::query_as(FACTS).bind(key).fetch_optional(conn).await?);
        Ok(row.and_then(|(facts,)| facts))
    }

    /// The numbers of every version of an item, first to last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_of(&mut self, item: &str) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(OF_ITEM).bind(item).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    /// The same in the order of what they are versions of: an object's own `modified`, where an older
    /// one may come after a newer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_by_age(&mut self, item: &str) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64, i64)> =
            on!(self, conn => sqlx::query_as(RANKED).bind(item).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }

    /// The version whose report is served under this STIX id, in any form.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn version_of_report(&mut self, stix_id: &str) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = on!(self, conn => sqlx::query_as(ITEM_OF_OBJECT).bind(stix_id)
            .fetch_optional(conn).await?);
        Ok(row.map(|(key,)| key))
    }

    /// Changes where a version stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_state(
        &mut self,
        key: i64,
        state: &str,
        holds: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_STATE).bind(state).bind(holds).bind(key)
            .execute(conn).await?; });
        Ok(())
    }

    /// Narrows the rule a version is under.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_rule(&mut self, key: i64, rule: &str) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_RULE).bind(rule).bind(key).execute(conn).await?; });
        Ok(())
    }

    /// Audiences interned after number `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audiences_after(&mut self, after: i64) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(AUDIENCES_AFTER).bind(after).fetch_all(conn).await?))
    }

    /// The number of an audience by the digest of its definition.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audience(&mut self, digest: &[u8]) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self.memo.audiences.get(digest) {
            return Ok(Some(*id));
        }
        let row: Option<(i64,)> = on!(self, conn => sqlx::query_as(AUDIENCE_BY_DIGEST).bind(digest)
            .fetch_optional(conn).await?);
        if let Some((id,)) = row {
            self.memo.audiences.insert(digest.to_vec(), id);
        }
        Ok(row.map(|(id,)| id))
    }

    /// Interns an audience under a number already taken, so that numbers appear in commit order.
    ///
    /// # Errors
    /// When the database fails, or the audience is there already.
    pub async fn add_audience(
        &mut self,
        id: i64,
        digest: &[u8],
        definition: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_AUDIENCE).bind(id).bind(digest).bind(definition)
            .execute(conn).await?; });
        Ok(())
    }

    /// Changes who is in an audience; whatever is entered for it follows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_audience(
        &mut self,
        id: i64,
        digest: &[u8],
        definition: &str,
    ) -> Result<(), StoreError> {
        self.memo.audiences.clear();
        on!(self, conn => { sqlx::query(CHANGE_AUDIENCE).bind(definition).bind(digest).bind(id)
            .execute(conn).await?; });
        Ok(())
    }

    /// The levels that items are under, each with the CEPTOAR whose items they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn levels_out(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(LEVELS).fetch_all(conn).await?))
    }

    /// Every version under a level that somebody may still read, or come to read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions_out(
        &mut self,
        level: &str,
        ceptoar: &str,
    ) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> = on!(self, conn => sqlx::query_as(OUT).bind(level).bind(ceptoar)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }

    /// Changes the level a version is under, with the clauses that follow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_level(
        &mut self,
        key: i64,
        level: &str,
        clauses: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(SET_LEVEL).bind(level).bind(clauses).bind(key)
            .execute(conn).await?; });
        Ok(())
    }

    /// Notes that a version was made of another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_part(&mut self, key: i64, part: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(ADD_PART).bind(key).bind(part).execute(conn).await?; });
        Ok(())
    }

    /// The versions a version was made of.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn parts(&mut self, key: i64) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(PARTS).bind(key).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(part,)| part).collect())
    }

    /// The versions that were made of a version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn made_of(&mut self, part: i64) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> =
            on!(self, conn => sqlx::query_as(MADE_OF).bind(part).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }
}
