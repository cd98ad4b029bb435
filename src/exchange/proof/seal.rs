//! Sealing: once an interval the log grows by one block, whatever was or was not decided.
//!
//! Law 4: the size of the log says how many intervals a hub ran, and nothing else.

use serde_json::Value;

use super::{Exchange, Refusal, hash, seats_at, signed, unsigned};
use crate::ledger::block::{BLOCK_LEAVES, Blocks, filled, levels};
use crate::ledger::entry::names_a_person;
use crate::ledger::merkle::{Hash, Range, fold, node_hash};
use crate::ledger::note::Signer;
use crate::store::ledgers::Checkpoint;
use crate::store::{StoreError, Tx};

/// The checkpoint interval, in microseconds. A minute: short enough that a party can prove what was
/// decided while it still matters, long enough that a year of checkpoints stays below a few
/// hundred megabytes. Intervals are those of the wall clock, so that neither a restart nor a second
/// hub shifts them.
pub const INTERVAL_MICROS: i64 = 60_000_000;

impl Exchange {
    /// Seals what waits into the next block, if the present interval has none yet; the new size.
    ///
    /// Called every second. A hub that was off seals one block when it comes back, not one for each
    /// interval it missed.
    ///
    /// # Errors
    /// When the database fails; the next call tries again.
    pub async fn seal_ledger(&self) -> Result<Option<u64>, Refusal> {
        let period = self.clock().now_micros().div_euclid(INTERVAL_MICROS);
        let last = self.db().read().await?.latest_checkpoint().await?;
        if !due(last.as_ref(), period) {
            return Ok(None);
        }
        let signer = self.signer().await?;
        let blocks = self.blocks();
        let first = last.as_ref().map_or(0, |last| unsigned(last.size));
        // Outside the writer, so that nobody waits for thousands of hashes.
        let padding = blocks.padding_of(first, BLOCK_LEAVES);
        self.writer()
            .write(move |tx| {
                Box::pin(async move {
                    // INVARIANT: behind the writer's lock this is the latest, whichever hub made it.
                    let latest = tx.latest_checkpoint().await?;
                    if latest != last || !due(latest.as_ref(), period) {
                        return Ok(None);
                    }
                    let size = seal(tx, &blocks, &signer, first, padding, period).await?;
                    Ok(Some(size))
                })
            })
            .await
    }
}

fn due(last: Option<&Checkpoint>, period: i64) -> bool {
    last.is_none_or(|last| last.period < period)
}

async fn seal(
    tx: &mut Tx,
    blocks: &Blocks,
    signer: &Signer,
    first: u64,
    padding: Vec<Hash>,
    period: i64,
) -> Result<u64, Refusal> {
    adopt(tx).await?;
    let waiting = tx.waiting_leaves(signed(BLOCK_LEAVES)).await?;
    let mut leaves = Vec::with_capacity(waiting.len());
    for (_, leaf) in &waiting {
        leaves.push(hash(leaf)?);
    }
    let places = blocks
        .places(first, BLOCK_LEAVES, &leaves)
        .map_err(|full| Refusal::Internal(full.into()))?;
    let positions: Vec<(i64, i64)> = waiting
        .iter()
        .zip(&places)
        .map(|((idx, _), place)| (*idx, signed(*place)))
        .collect();
    tx.seal(&positions).await?;
    let block = filled(padding, first, places.into_iter().zip(leaves));
    let whole = levels(block);
    let top = whole.last().and_then(|top| top.first()).copied();
    let top = top.ok_or_else(|| super::lost("a block's root"))?;
    grow(tx, first / BLOCK_LEAVES, top).await?;
    let size = first + BLOCK_LEAVES;
    let note = signer.checkpoint(size, &root(tx, size).await?);
    tx.add_checkpoint(&Checkpoint {
        size: signed(size),
        period,
        note,
    })
    .await?;
    Ok(size)
}

/// Gives the decisions from before parties were stored their parties, from the record itself.
///
/// Those records name people openly, so one that does is for auditors alone.
async fn adopt(tx: &mut Tx) -> Result<(), Refusal> {
    for (idx, record) in tx.unpartied(signed(BLOCK_LEAVES)).await? {
        let record: Value = serde_json::from_str(&record)?;
        let mut seats = Vec::new();
        if !names_a_person(&record) {
            let parties = record.get("parties").and_then(Value::as_array);
            let bodies: Vec<&str> = parties
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            seats = seats_at(tx, &bodies, &record).await?;
        }
        tx.party(idx, &seats).await?;
    }
    Ok(())
}

/// Keeps the block's root, and that of every subtree it completes.
async fn grow(tx: &mut Tx, block: u64, top: Hash) -> Result<(), StoreError> {
    let (mut level, mut idx, mut here) = (0, block, top);
    loop {
        tx.add_ledger_node(level, signed(idx), &here).await?;
        if idx % 2 == 0 {
            return Ok(());
        }
        let left = tx.ledger_node(level, signed(idx - 1)).await?;
        let left = hash(&left.ok_or_else(|| super::lost("a subtree"))?)?;
        here = node_hash(&left, &here);
        level += 1;
        idx /= 2;
    }
}

/// The root of the log at a number of whole blocks.
async fn root(tx: &mut Tx, size: u64) -> Result<Hash, StoreError> {
    let blocks = Range {
        start: 0,
        end: size / BLOCK_LEAVES,
    };
    let mut parts = Vec::new();
    for part in blocks.perfect() {
        let level = (part.end - part.start).ilog2();
        let node = tx
            .ledger_node(i64::from(level), signed(part.start >> level))
            .await?;
        parts.push(hash(&node.ok_or_else(|| super::lost("a subtree"))?)?);
    }
    fold(&parts).ok_or_else(|| super::lost("its first block"))
}
