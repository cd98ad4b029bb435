//! Proof of decisions: who may open which entry of the ledger, and that it is in the log.
//!
//! Law 4: an entry exists for those who had a seat at the item's desk and for auditors; for anybody
//! else it is absent. An entry's id and a list's cursor are sealed from its leaf, so they count
//! nothing. [`seal`] makes the log grow, [`export`] writes it out.

pub mod export;
pub mod seal;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Entered;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::access::Caller;
use super::refusal::Refusal;
use super::{Exchange, Tx};
use crate::clock::random;
use crate::council::body::role;
use crate::handling::{PrincipalId, Seat};
use crate::ledger::block::{BLOCK_LEAVES, BLOCK_LEVEL, Blocks, filled, levels};
use crate::ledger::entry::{Entry, Member, PERSONAL, TOLD};
use crate::ledger::merkle::{Hash, Range, consistency, fold, inclusion};
use crate::ledger::note::Signer;
use crate::store::StoreError;
use crate::store::ledgers::{Checkpoint, LedgerRow};

/// An entry as one who may open it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// The entry's id.
    pub id: String,
    /// Whether it lies in the log; until then it cannot be proved.
    pub sealed: bool,
    /// Its place in the log.
    pub index: Option<u64>,
    /// Base64 of the leaf's hash.
    pub leaf: String,
    /// Base64 of the 32 bytes before the record in the commitment.
    pub salt: String,
    /// The decision, as the JSON text that was committed to.
    pub record: String,
    /// The sealed members of the record that the caller may open.
    pub members: Vec<Member>,
}

/// An entry with the proof that it is in the log: all that is needed to check it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// The entry.
    #[serde(flatten)]
    pub entry: Opened,
    /// The leaves of the log at the checkpoint.
    pub size: u64,
    /// RFC 6962 audit path, base64, the leaf's side first.
    pub path: Vec<String>,
    /// The signed note.
    pub checkpoint: String,
}

/// That one checkpoint's log is the beginning of another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consistency {
    /// Leaves of the older one.
    pub from: u64,
    /// Leaves of the newer one.
    pub to: u64,
    /// RFC 6962 consistency proof, base64.
    pub path: Vec<String>,
    /// Both signed notes, the older first.
    pub checkpoints: [String; 2],
}

/// Commits to a decision and stores it with those who may open it.
pub(super) async fn record(
    tx: &mut Tx,
    at: i64,
    parties: &[&str],
    decision: &Value,
) -> Result<(), Refusal> {
    let mut decision = decision.clone();
    let seats = seats_at(tx, parties, &decision).await?;
    if let Some(members) = decision.as_object_mut() {
        // What is shown with an entry is committed to, so the time and the parties are in it.
        let time = crate::stix::timestamp::format_taxii(at);
        members.insert("at".to_owned(), Value::String(time));
        members.insert("parties".to_owned(), parties.into());
    }
    let entry = Entry::seal::<Refusal>(decision, || Ok(random::<32>()?))?;
    let members = serde_json::to_string(&entry.members)?;
    tx.append_ledger(
        at,
        &entry.leaf,
        (&entry.salt, &entry.record, &members),
        &seats,
    )
    .await?;
    Ok(())
}

/// The seats from which a decision may be opened.
///
/// A decision about an item is opened from the item's desk alone. A body that reads it in another
/// form, its own CEPTOAR too, would else learn from the record what its rule hides: the id of the
/// original, or that there is one. What a reader did with an item as that reader has it is the
/// reader's own, since the colleagues' rule may hide the item from them. An item that is not known is
/// nobody's (law 1).
async fn seats_at(
    tx: &mut Tx,
    parties: &[&str],
    decision: &Value,
) -> Result<Vec<String>, StoreError> {
    let text = |name: &str| decision.get(name).and_then(Value::as_str);
    let mut seats = Vec::new();
    if let Some(item) = text("item") {
        let version = decision.get("version").and_then(Value::as_i64);
        if let Some(desk) = tx.desk_of(item, version).await? {
            if parties.contains(&desk.submitter.as_str()) {
                seats.push(format!("publisher:{}", desk.submitter));
                let asked = desk.asked.iter();
                seats.extend(asked.map(|approver| format!("asked:{approver}")));
            }
            let operator = desk.operator.filter(|id| parties.contains(&id.as_str()));
            seats.extend(operator.map(|operator| format!("source:{operator}")));
        }
        // Who answered took part, of whichever body.
        seats.extend(text("approver").map(|approver| format!("asked:{approver}")));
        let acted = text("body").filter(|body| parties.contains(body));
        seats.extend(acted.map(|body| format!("body:{body}")));
    } else if let Some(person) = text("by").filter(|_| !parties.is_empty()) {
        seats.push(format!("person:{person}"));
    } else {
        seats.extend(parties.iter().map(|body| format!("body:{body}")));
    }
    seats.sort_unstable();
    seats.dedup();
    Ok(seats)
}

/// The seats a caller may open entries from; `None` for an auditor, who opens all.
fn seats_of(caller: &Caller) -> Option<Vec<String>> {
    if caller.has(role::AUDITOR) {
        return None;
    }
    let speaks = caller.has(role::POC) || caller.has(role::PUBLISHER);
    let mut seats = vec![format!("person:{}", caller.principal.id)];
    for seat in &caller.reader.seats {
        match seat {
            Seat::Publisher { body } => seats.push(format!("publisher:{body}")),
            Seat::Source { body } if speaks => seats.push(format!("source:{body}")),
            Seat::Source { .. } => {}
            Seat::Approver { body, role } => seats.push(format!("asked:{body}.{role}")),
        }
    }
    if speaks {
        seats.push(format!("body:{}", caller.body.id));
    }
    Some(seats)
}

/// The sealed members of an entry that are for the caller: a person's name is for the person's own
/// body and its CEPTOAR, who was told is for the body that decided, the parties are for auditors.
fn for_caller(caller: &Caller, members: Vec<Member>) -> Vec<Member> {
    if caller.has(role::AUDITOR) {
        return members;
    }
    let directory = &caller.directory;
    let body_of = |member: &Member| {
        let name: String = serde_json::from_str(&member.text).ok()?;
        directory.body(&directory.principal(&PrincipalId::from(name))?.body)
    };
    let own_decision = members.iter().any(|member| {
        member.at == "/by" && body_of(member).is_some_and(|body| body.id == caller.body.id)
    });
    let known = |member: &Member| match member.name() {
        name if PERSONAL.contains(&name) => body_of(member).is_some_and(|body| {
            body.id == caller.body.id || body.ceptoars.contains(&caller.body.id)
        }),
        TOLD => own_decision,
        _ => false,
    };
    members.into_iter().filter(|member| known(member)).collect()
}

fn hash(bytes: &[u8]) -> Result<Hash, StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt("a hash of the ledger is not 32 bytes".to_owned()))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn lost(what: &str) -> StoreError {
    StoreError::Corrupt(format!("the ledger lacks {what}"))
}

const ENTRY: &str = "ledger entry";
const LIST: &str = "ledger entries";

impl Exchange {
    pub(super) fn blocks(&self) -> Blocks {
        Blocks::new(&self.secret().key_for("ledger"))
    }

    /// Signs for this hub's log; the key is made when it is first needed, which is at the first
    /// second of a hub's life.
    pub(super) async fn signer(&self) -> Result<Signer, Refusal> {
        let seed = self.db().read().await?.ledger_seed().await?;
        let seed = match seed {
            Some(seed) => seed,
            None => {
                let fresh = random::<32>()?;
                self.writer()
                    .write(move |tx| {
                        Box::pin(async move { Ok(tx.make_ledger_seed(&fresh).await?) })
                    })
                    .await?
            }
        };
        // A log's name must be its own; the hub knows no address of itself that would be.
        let name = format!("sekisho/{}", self.secret().uuid("ledger", &[]));
        Signer::new(&name, &seed).map_err(|error| Refusal::Internal(error.into()))
    }

    /// The verifier key of the checkpoints, as C2SP signed notes write it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_key(&self) -> Result<String, Refusal> {
        Ok(self.signer().await?.verifier_key())
    }

    /// The latest signed checkpoint; `None` until the first interval was sealed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_checkpoint(&self) -> Result<Option<String>, Refusal> {
        let latest = self.db().read().await?.latest_checkpoint().await?;
        Ok(latest.map(|checkpoint| checkpoint.note))
    }

    /// Proves that the log at one checkpoint is the beginning of the log at another.
    ///
    /// # Errors
    /// When there is no checkpoint of one of the sizes, or the first is larger.
    pub async fn ledger_consistency(&self, from: u64, to: u64) -> Result<Consistency, Refusal> {
        let mut tx = self.db().read().await?;
        let older = at_size(&mut tx, from).await?;
        let newer = at_size(&mut tx, to).await?;
        if from > to {
            return Err(Refusal::fault(
                "from",
                "ledger.sizes",
                "`from` is the smaller size",
            ));
        }
        Ok(Consistency {
            from,
            to,
            path: self.hashes(&mut tx, &consistency(from, to)).await?,
            checkpoints: [older.note, newer.note],
        })
    }

    /// The entries that the caller may open, newest first, with the cursor of the rest.
    ///
    /// # Errors
    /// When the database fails, or the cursor is not one of the hub's.
    pub async fn ledger_entries(
        &self,
        caller: &Caller,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Opened>, Option<String>), Refusal> {
        let seats = seats_of(caller);
        let mut tx = self.db().read().await?;
        let before = match cursor {
            None => i64::MAX,
            Some(cursor) => {
                let leaf = self.secret().open(LIST, cursor);
                let last = match leaf {
                    Some(leaf) => tx.ledger_entry(seats.as_deref(), &leaf).await?,
                    None => None,
                };
                last.ok_or_else(|| {
                    Refusal::fault(
                        "cursor",
                        "cursor",
                        "the cursor is not one this hub gave for this list",
                    )
                })?
            }
        };
        let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut found = tx.ledger_of(seats.as_deref(), before, wanted).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let mut entries = Vec::with_capacity(found.len());
        let mut last = None;
        for idx in found {
            let row = tx.ledger_row(idx).await?.ok_or_else(|| lost("an entry"))?;
            entries.push(self.opened(caller, &row)?);
            last = Some(row.leaf);
        }
        let next = last
            .filter(|_| more)
            .map(|leaf| self.secret().seal(LIST, &leaf));
        Ok((entries, next))
    }

    /// An entry with its proof against the checkpoint of `size` leaves, or the latest.
    ///
    /// # Errors
    /// When there is no such entry for the caller, no such checkpoint, or the entry was not sealed
    /// by then.
    pub async fn ledger_proof(
        &self,
        caller: &Caller,
        id: &str,
        size: Option<u64>,
    ) -> Result<Proved, Refusal> {
        let leaf = self.secret().open(ENTRY, id).ok_or(Refusal::NotFound)?;
        let mut tx = self.db().read().await?;
        let seats = seats_of(caller);
        let idx = tx
            .ledger_entry(seats.as_deref(), &leaf)
            .await?
            .ok_or(Refusal::NotFound)?;
        let row = tx.ledger_row(idx).await?.ok_or(Refusal::NotFound)?;
        let entry = self.opened(caller, &row)?;
        let later =
            || Refusal::Conflict("the entry is not sealed in that checkpoint yet".to_owned());
        let checkpoint = match size {
            Some(size) => at_size(&mut tx, size).await?,
            None => tx.latest_checkpoint().await?.ok_or_else(later)?,
        };
        let size = unsigned(checkpoint.size);
        let index = entry
            .index
            .filter(|index| *index < size)
            .ok_or_else(later)?;
        Ok(Proved {
            entry,
            size,
            path: self.hashes(&mut tx, &inclusion(index, size)).await?,
            checkpoint: checkpoint.note,
        })
    }

    fn opened(&self, caller: &Caller, row: &LedgerRow) -> Result<Opened, Refusal> {
        let members = for_caller(caller, members_of(row)?);
        Ok(Opened {
            id: self.secret().seal(ENTRY, &row.leaf),
            sealed: row.position.is_some(),
            index: row.position.map(unsigned),
            leaf: STANDARD.encode(&row.leaf),
            salt: STANDARD.encode(&row.salt),
            record: row.record.clone(),
            members,
        })
    }

    /// The hashes of parts of the tree, in base64.
    async fn hashes(&self, tx: &mut Tx, ranges: &[Range]) -> Result<Vec<String>, Refusal> {
        let mut blocks = BTreeMap::new();
        let mut out = Vec::with_capacity(ranges.len());
        for range in ranges {
            let hash = self.range_hash(tx, *range, &mut blocks).await?;
            out.push(STANDARD.encode(hash));
        }
        Ok(out)
    }

    /// The hash of one part: stored where it is whole blocks, computed again inside a block.
    async fn range_hash(
        &self,
        tx: &mut Tx,
        range: Range,
        blocks: &mut BTreeMap<u64, Vec<Vec<Hash>>>,
    ) -> Result<Hash, Refusal> {
        let mut parts = Vec::new();
        for part in range.perfect() {
            let level = (part.end - part.start).ilog2();
            parts.push(if level >= BLOCK_LEVEL {
                let idx = part.start >> level;
                let found = tx
                    .ledger_node(i64::from(level - BLOCK_LEVEL), signed(idx))
                    .await?;
                hash(&found.ok_or_else(|| lost("a subtree"))?)?
            } else {
                let first = part.start - part.start % BLOCK_LEAVES;
                let levels = match blocks.entry(first) {
                    Entered::Occupied(known) => known.into_mut(),
                    Entered::Vacant(free) => {
                        free.insert(levels(self.block_leaves(tx, first).await?))
                    }
                };
                usize::try_from(level)
                    .ok()
                    .and_then(|level| levels.get(level))
                    .and_then(|hashes| {
                        hashes.get(usize::try_from((part.start - first) >> level).ok()?)
                    })
                    .copied()
                    .ok_or_else(|| lost("a part of a block"))?
            });
        }
        Ok(fold(&parts).ok_or_else(|| lost("a part"))?)
    }

    /// The leaves of the sealed block that begins at `first`.
    async fn block_leaves(&self, tx: &mut Tx, first: u64) -> Result<Vec<Hash>, StoreError> {
        let rows = tx
            .sealed(signed(first), signed(first + BLOCK_LEAVES))
            .await?;
        let mut entries = Vec::with_capacity(rows.len());
        for (position, leaf) in rows {
            entries.push((unsigned(position), hash(&leaf)?));
        }
        let padding = self.blocks().padding_of(first, BLOCK_LEAVES);
        Ok(filled(padding, first, entries.into_iter()))
    }
}

/// What opens the sealed members of a stored decision.
fn members_of(row: &LedgerRow) -> Result<Vec<Member>, Refusal> {
    Ok(match &row.members {
        Some(text) => serde_json::from_str(text)?,
        None => Vec::new(),
    })
}

async fn at_size(tx: &mut Tx, size: u64) -> Result<Checkpoint, Refusal> {
    let found = match i64::try_from(size) {
        Ok(size) => tx.checkpoint(size).await?,
        Err(_) => None,
    };
    found.ok_or(Refusal::NotFound)
}
