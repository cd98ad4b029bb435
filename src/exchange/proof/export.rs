//! The log as JSON lines, for whoever checks it elsewhere.
//!
//! Lines, in order: the header, the key, then for each block its leaves (with openings: its padding
//! and its entries too) and its checkpoint. What is sealed never changes, so a longer export begins
//! as a shorter one did, but for the header. `docs/ledger.md` describes each line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{Exchange, Refusal, hash, lost, members_of, signed, unsigned};
use crate::ledger::block::{BLOCK_LEAVES, filled};
use crate::ledger::entry::Member;
use crate::store::ledgers::LedgerRow;

/// The version of the format.
const VERSION: u32 = 1;

/// So many checkpoints are read at a time: a few hundred kilobytes of notes.
const CHECKPOINTS_PER_READ: i64 = 1000;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Ledger {
        version: u32,
        origin: &'a str,
        size: u64,
        openings: bool,
    },
    Key {
        vkey: String,
    },
    Block {
        first: u64,
        leaves: Vec<String>,
    },
    Padding {
        first: u64,
        salts: Vec<Option<String>>,
    },
    Entry {
        index: u64,
        salt: String,
        record: &'a str,
        members: Vec<Member>,
    },
    Checkpoint {
        note: &'a str,
    },
}

impl Line<'_> {
    fn text(&self) -> Result<String, Refusal> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        Ok(text)
    }
}

impl Exchange {
    /// Hands every line of the sealed log to `write`, each with its newline; with `openings`, what
    /// opens each leaf as well, which is for auditors.
    ///
    /// # Errors
    /// When the database fails, or `write` does.
    pub async fn export_ledger(
        &self,
        openings: bool,
        mut write: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, Refusal> {
        let mut put = |line: Line<'_>| -> Result<(), Refusal> {
            write(&line.text()?).map_err(|error| Refusal::Internal(error.into()))
        };
        let signer = self.signer().await?;
        let latest = self.db().read().await?.latest_checkpoint().await?;
        let size = latest.map_or(0, |latest| unsigned(latest.size));
        put(Line::Ledger {
            version: VERSION,
            origin: signer.name(),
            size,
            openings,
        })?;
        put(Line::Key {
            vkey: signer.verifier_key(),
        })?;
        let mut first = 0;
        while first < size {
            // A transaction of its own for each part: an export must not hold old rows for long.
            let mut tx = self.db().read().await?;
            let checkpoints = tx.checkpoints(signed(first), CHECKPOINTS_PER_READ).await?;
            if checkpoints.is_empty() {
                return Err(lost("a checkpoint").into());
            }
            for checkpoint in checkpoints {
                let end = unsigned(checkpoint.size);
                if end > size {
                    return Ok(size);
                }
                while first < end {
                    let rows = tx
                        .sealed_rows(signed(first), signed(first + BLOCK_LEAVES))
                        .await?;
                    self.export_block(first, &rows, openings, &mut put)?;
                    first += BLOCK_LEAVES;
                }
                put(Line::Checkpoint {
                    note: &checkpoint.note,
                })?;
            }
        }
        Ok(size)
    }

    fn export_block(
        &self,
        first: u64,
        rows: &[LedgerRow],
        openings: bool,
        put: &mut impl FnMut(Line<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let blocks = self.blocks();
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let place = unsigned(row.position.ok_or_else(|| lost("a position"))?);
            entries.push((place, hash(&row.leaf)?));
        }
        let padding = blocks.padding_of(first, BLOCK_LEAVES);
        let leaves = filled(padding, first, entries.iter().copied());
        put(Line::Block {
            first,
            leaves: leaves.iter().map(|leaf| STANDARD.encode(leaf)).collect(),
        })?;
        if !openings {
            return Ok(());
        }
        let real: std::collections::BTreeSet<u64> =
            entries.iter().map(|(place, _)| *place).collect();
        let salt =
            |index| (!real.contains(&index)).then(|| STANDARD.encode(blocks.padding_salt(index)));
        put(Line::Padding {
            first,
            salts: (first..first + BLOCK_LEAVES).map(salt).collect(),
        })?;
        for (row, (index, _)) in rows.iter().zip(&entries) {
            put(Line::Entry {
                index: *index,
                salt: STANDARD.encode(&row.salt),
                record: &row.record,
                members: members_of(row)?,
            })?;
        }
        Ok(())
    }
}
