//! Decisions in the ledger, the log they are sealed into, who may open which, and
//! answers kept for repeated requests.
//!
//! INVARIANT: a leaf, once it has a position, and a node and a checkpoint, once written, never
//! change: nothing here updates them.

use sqlx::QueryBuilder;

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    APPEND,
    PARTY,
    LEAVES,
    WAITING,
    UNPARTIED,
    KNOW,
    SEALED,
    SEALED_ALL,
    ENTRY,
    ALL,
    OF_PARTY,
    BY_LEAF,
    IS_PARTY,
    NODE,
    PUT_NODE,
    LATEST,
    CHECKPOINT,
    CHECKPOINTS,
    PUT_CHECKPOINT,
    ITEM,
    ASKED,
    SEED,
    ANSWERED,
    REMEMBER,
];

const APPEND: &str = "INSERT INTO ledger (idx, at, leaf, salt, record, members) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const PARTY: &str =
    "INSERT INTO ledger_party (party, idx) VALUES ($1, $2) ON CONFLICT (party, idx) DO NOTHING";
const LEAVES: &str = "SELECT leaf, salt, record FROM ledger ORDER BY idx";
const WAITING: &str = "SELECT idx, leaf FROM ledger WHERE position IS NULL ORDER BY idx LIMIT $1";
const UNPARTIED: &str = "SELECT idx, record FROM ledger \
     WHERE position IS NULL AND members IS NULL ORDER BY idx LIMIT $1";
const KNOW: &str = "UPDATE ledger SET members = '[]' WHERE idx = $1";
const SEALED: &str = "SELECT position, leaf FROM ledger \
     WHERE position >= $1 AND position < $2 ORDER BY position";
const SEALED_ALL: &str = "SELECT idx, leaf, salt, record, members, position FROM ledger \
     WHERE position >= $1 AND position < $2 ORDER BY position";
const ENTRY: &str = "SELECT idx, leaf, salt, record, members, position FROM ledger WHERE idx = $1";
const ALL: &str = "SELECT idx FROM ledger WHERE idx < $1 ORDER BY idx DESC LIMIT $2";
const OF_PARTY: &str = "SELECT idx FROM ledger_party WHERE party = $1 AND idx < $2 \
     ORDER BY idx DESC LIMIT $3";
const BY_LEAF: &str = "SELECT idx FROM ledger WHERE leaf = $1";
const IS_PARTY: &str = "SELECT idx FROM ledger_party WHERE party = $1 AND idx = $2";
const NODE: &str = "SELECT hash FROM ledger_node WHERE level = $1 AND idx = $2";
const PUT_NODE: &str = "INSERT INTO ledger_node (level, idx, hash) VALUES ($1, $2, $3)";
const LATEST: &str = "SELECT size, period, note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1";
const CHECKPOINT: &str = "SELECT size, period, note FROM ledger_checkpoint WHERE size = $1";
const CHECKPOINTS: &str = "SELECT size, period, note FROM ledger_checkpoint \
     WHERE size > $1 ORDER BY size LIMIT $2";
const PUT_CHECKPOINT: &str =
    "INSERT INTO ledger_checkpoint (size, period, note) VALUES ($1, $2, $3)";
const ITEM: &str = "SELECT key, submitter_body, operator FROM item_version WHERE item = $1 AND version <= $2 \
     ORDER BY version DESC LIMIT 1";
const ASKED: &str = "SELECT approver FROM approval WHERE item_version = $1 \
     UNION SELECT superior FROM approval WHERE item_version = $1 AND superior IS NOT NULL";
const SEED: &str = "SELECT value FROM hub WHERE name = 'ledger'";
const ANSWERED: &str = "SELECT digest, answer FROM idempotency WHERE principal = $1 AND key = $2";
const REMEMBER: &str = "INSERT INTO idempotency (principal, key, digest, answer, at) \
     VALUES ($1, $2, $3, $4, $5)";

/// So many positions are set by one statement: far below what either database takes.
const POSITIONS_PER_UPDATE: usize = 1000;

/// A decision as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its number in order of decision. It counts what happened, so it is shown to nobody.
    pub idx: i64,
    /// The leaf's hash.
    pub leaf: Vec<u8>,
    /// Opens the leaf.
    pub salt: Vec<u8>,
    /// JSON text.
    pub record: String,
    /// What opens its sealed members, JSON; `None` where there were no sealed members yet.
    pub members: Option<String>,
    /// Where it lies in the log; `None` while it waits.
    pub position: Option<i64>,
}

/// A checkpoint as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves.
    pub size: i64,
    /// The interval it was made in, counted from the epoch.
    pub period: i64,
    /// The signed note.
    pub note: String,
}

type Row = (i64, Vec<u8>, Vec<u8>, String, Option<String>, Option<i64>);

impl From<Row> for LedgerRow {
    fn from((idx, leaf, salt, record, members, position): Row) -> Self {
        Self {
            idx,
            leaf,
            salt,
            record,
            members,
            position,
        }
    }
}

impl From<(i64, i64, String)> for Checkpoint {
    fn from((size, period, note): (i64, i64, String)) -> Self {
        Self { size, period, note }
    }
}

/// Who was at an item's desk: its submitting body, its operator, and who was asked for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The submitting body.
    pub submitter: String,
    /// The operator it came from, where known.
    pub operator: Option<String>,
    /// `BODY.ROLE` of everybody asked, those among them who were asked after a deadline.
    pub asked: Vec<String>,
}

impl Tx {
    /// Appends a decision with the parties that may open it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append_ledger(
        &mut self,
        at: i64,
        leaf: &[u8],
        opening: (&[u8], &str, &str),
        parties: &[String],
    ) -> Result<i64, StoreError> {
        let (salt, record, members) = opening;
        let idx = self.take("ledger", 1, 1).await? - 1;
        on!(self, conn => { sqlx::query(APPEND).bind(idx).bind(at).bind(leaf).bind(salt).bind(record)
            .bind(members).execute(conn).await?; });
        self.add_parties(idx, parties).await?;
        Ok(idx)
    }

    async fn add_parties(&mut self, idx: i64, parties: &[String]) -> Result<(), StoreError> {
        for party in parties {
            on!(self, conn => { sqlx::query(PARTY).bind(party).bind(idx).execute(conn).await?; });
        }
        Ok(())
    }

    /// Every leaf with its opening, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger(&mut self) -> Result<Vec<(Vec<u8>, Vec<u8>, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(LEAVES).fetch_all(conn).await?))
    }

    /// The decisions that wait longest to be sealed, each with its leaf.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_leaves(&mut self, limit: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(WAITING).bind(limit).fetch_all(conn).await?))
    }

    /// Waiting decisions from before parties were stored, each with its record.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unpartied(&mut self, limit: i64) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(UNPARTIED).bind(limit).fetch_all(conn).await?))
    }

    /// Stores the parties of a decision that had none stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn party(&mut self, idx: i64, parties: &[String]) -> Result<(), StoreError> {
        self.add_parties(idx, parties).await?;
        on!(self, conn => { sqlx::query(KNOW).bind(idx).execute(conn).await?; });
        Ok(())
    }

    /// Gives waiting decisions their positions: pairs of number and position.
    ///
    /// # Errors
    /// When the database fails, or one of them has a position already.
    pub async fn seal(&mut self, positions: &[(i64, i64)]) -> Result<(), StoreError> {
        for chunk in positions.chunks(POSITIONS_PER_UPDATE) {
            let done = on!(self, conn => {
                let mut update = QueryBuilder::new(
                    "UPDATE ledger SET position = given.column2 FROM (");
                update.push_values(chunk, |mut row, (idx, position)| {
                    row.push_bind(*idx).push_bind(*position);
                });
                update.push(") AS given WHERE ledger.idx = given.column1 AND ledger.position IS NULL");
                update.build().execute(conn).await?.rows_affected()
            });
            if done != chunk.len() as u64 {
                return Err(StoreError::Corrupt(
                    "a decision was sealed twice".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// The sealed decisions at positions `first` to before `end`, each with its leaf.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sealed(
        &mut self,
        first: i64,
        end: i64,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(SEALED).bind(first).bind(end).fetch_all(conn).await?))
    }

    /// The same, whole.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sealed_rows(
        &mut self,
        first: i64,
        end: i64,
    ) -> Result<Vec<LedgerRow>, StoreError> {
        let rows: Vec<Row> = on!(self, conn => sqlx::query_as(SEALED_ALL).bind(first).bind(end)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(LedgerRow::from).collect())
    }

    /// A decision by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_row(&mut self, idx: i64) -> Result<Option<LedgerRow>, StoreError> {
        let row: Option<Row> =
            on!(self, conn => sqlx::query_as(ENTRY).bind(idx).fetch_optional(conn).await?);
        Ok(row.map(LedgerRow::from))
    }

    /// Numbers below `before` of the decisions that any of `parties` may open (`None`: of all),
    /// newest first. What it costs depends on what is found, not on what others decided.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_of(
        &mut self,
        parties: Option<&[String]>,
        before: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let mut found: Vec<i64> = Vec::new();
        match parties {
            None => {
                let rows: Vec<(i64,)> = on!(self, conn => sqlx::query_as(ALL).bind(before)
                    .bind(limit).fetch_all(conn).await?);
                found.extend(rows.into_iter().map(|(idx,)| idx));
            }
            Some(parties) => {
                for party in parties {
                    let rows: Vec<(i64,)> = on!(self, conn => sqlx::query_as(OF_PARTY).bind(party)
                        .bind(before).bind(limit).fetch_all(conn).await?);
                    found.extend(rows.into_iter().map(|(idx,)| idx));
                }
                found.sort_unstable_by(|a, b| b.cmp(a));
                found.dedup();
                found.truncate(usize::try_from(limit).unwrap_or(0));
            }
        }
        Ok(found)
    }

    /// The number of the decision with this leaf, if any of `parties` may open it (`None`: anyhow).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_entry(
        &mut self,
        parties: Option<&[String]>,
        leaf: &[u8],
    ) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> =
            on!(self, conn => sqlx::query_as(BY_LEAF).bind(leaf).fetch_optional(conn).await?);
        let (Some((idx,)), Some(parties)) = (row, parties) else {
            return Ok(row.map(|(idx,)| idx));
        };
        for party in parties {
            let row: Option<(i64,)> = on!(self, conn => sqlx::query_as(IS_PARTY).bind(party)
                .bind(idx).fetch_optional(conn).await?);
            if row.is_some() {
                return Ok(Some(idx));
            }
        }
        Ok(None)
    }

    /// The hash of a whole subtree.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_node(
        &mut self,
        level: i64,
        idx: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>,)> = on!(self, conn => sqlx::query_as(NODE).bind(level).bind(idx)
            .fetch_optional(conn).await?);
        Ok(row.map(|(hash,)| hash))
    }

    /// Keeps the hash of a whole subtree.
    ///
    /// # Errors
    /// When the database fails, or it has one already.
    pub async fn add_ledger_node(
        &mut self,
        level: i64,
        idx: i64,
        hash: &[u8],
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PUT_NODE).bind(level).bind(idx).bind(hash)
            .execute(conn).await?; });
        Ok(())
    }

    /// The latest checkpoint; `None` before the first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_checkpoint(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        let row: Option<(i64, i64, String)> =
            on!(self, conn => sqlx::query_as(LATEST).fetch_optional(conn).await?);
        Ok(row.map(Checkpoint::from))
    }

    /// The checkpoint of this size.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checkpoint(&mut self, size: i64) -> Result<Option<Checkpoint>, StoreError> {
        let row: Option<(i64, i64, String)> = on!(self, conn => sqlx::query_as(CHECKPOINT).bind(size)
            .fetch_optional(conn).await?);
        Ok(row.map(Checkpoint::from))
    }

    /// The checkpoints larger than `after`, smallest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checkpoints(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let rows: Vec<(i64, i64, String)> = on!(self, conn => sqlx::query_as(CHECKPOINTS).bind(after)
            .bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(Checkpoint::from).collect())
    }

    /// Adds a checkpoint.
    ///
    /// # Errors
    /// When the database fails, or the size or the interval has one already.
    pub async fn add_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PUT_CHECKPOINT).bind(checkpoint.size).bind(checkpoint.period)
            .bind(&checkpoint.note).execute(conn).await?; });
        Ok(())
    }

    /// Who was at the desk of an item's version (`None`: the latest); `None` where there is no such item.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn desk_of(
        &mut self,
        item: &str,
        version: Option<i64>,
    ) -> Result<Option<Desk>, StoreError> {
        let version = version.unwrap_or(i64::MAX);
        let row: Option<(i64, String, Option<String>)> = on!(self, conn => sqlx::query_as(ITEM)
            .bind(item).bind(version).fetch_optional(conn).await?);
        let Some((key, submitter, operator)) = row else {
            return Ok(None);
        };
        let asked: Vec<(String,)> =
            on!(self, conn => sqlx::query_as(ASKED).bind(key).fetch_all(conn).await?);
        Ok(Some(Desk {
            submitter,
            operator,
            asked: asked.into_iter().map(|(approver,)| approver).collect(),
        }))
    }

    /// What the ledger's signing key is made from; `None` before the hub made it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_seed(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>,)> =
            on!(self, conn => sqlx::query_as(SEED).fetch_optional(conn).await?);
        Ok(row.map(|(seed,)| seed))
    }

    /// Makes it from `fresh`; where two hubs do at once, both get the first one's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn make_ledger_seed(&mut self, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.secret("ledger", fresh).await
    }

    /// The digest and answer of an earlier request under this key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answered(
        &mut self,
        principal: &str,
        key: &str,
    ) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(ANSWERED).bind(principal).bind(key)
            .fetch_optional(conn).await?),
        )
    }

    /// Keeps an answer for a repeated request.
    ///
    /// # Errors
    /// When the database fails, or the key is taken.
    pub async fn remember(
        &mut self,
        principal: &str,
        key: &str,
        digest: &[u8],
        answer: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(REMEMBER).bind(principal).bind(key).bind(digest).bind(answer)
            .bind(at).execute(conn).await?; });
        Ok(())
    }
}
