//! The ledger: every decision as a salted commitment in an RFC 6962 Merkle tree. Pure.
//!
//! A leaf commits to its record without showing it: `SHA-256(salt ‖ record)`. Whoever is given salt
//! and record can open it; nobody else learns anything from it. [`entry`] makes records, [`block`]
//! hides how many there are, [`merkle`] hashes and proves, [`note`] signs. Where leaves are kept and
//! who may open them is decided elsewhere.

pub mod block;
pub mod entry;
pub mod merkle;
pub mod note;

pub use merkle::{Hash, leaf_hash, root};

use aws_lc_rs::digest::{SHA256, digest};

/// The commitment of a record under a random salt.
#[must_use]
pub fn commitment(salt: &[u8; 32], record: &[u8]) -> Hash {
    let mut input = Vec::with_capacity(32 + record.len());
    input.extend_from_slice(salt);
    input.extend_from_slice(record);
    merkle::hash(&digest(&SHA256, &input))
}
