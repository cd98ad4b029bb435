//! One entry's proof, as the hub hands it to a party: the record opens the leaf, and the leaf is in
//! the log of the checkpoint.

use serde::Deserialize;

use super::note::{Key, checkpoint};
use super::tree::{Hash, includes};
use super::{Fault, Member, check_opening, fault, hash};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "id")]
    _id: String,
    sealed: bool,
    index: Option<u64>,
    leaf: String,
    salt: String,
    record: String,
    members: Vec<Member>,
    size: u64,
    path: Vec<String>,
    checkpoint: String,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The decision.
    pub record: serde_json::Value,
    /// Its place in the log.
    pub index: u64,
    /// The leaves of the log at the checkpoint.
    pub size: u64,
}

/// Whether a text is meant as an entry's proof; it may still be a wrong one.
#[must_use]
pub fn looks_like_one(text: &str) -> bool {
    serde_json::from_str::<Document>(text).is_ok()
}

/// Checks an entry's proof against the key of its log.
///
/// # Errors
/// The first thing that does not hold.
pub fn check(text: &str, key: &Key) -> Result<Proven, Fault> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Fault(format!("the proof cannot be read: {error}")))?;
    let leaf = hash(&document.leaf, "the leaf")?;
    let record = check_opening(&leaf, &document.salt, &document.record, &document.members)?;
    let head = checkpoint(&document.checkpoint, key)?;
    let Some(index) = document.index.filter(|_| document.sealed) else {
        return fault("the entry is not sealed");
    };
    if head.size != document.size {
        return fault("the checkpoint is of another size");
    }
    let mut path: Vec<Hash> = Vec::with_capacity(document.path.len());
    for step in &document.path {
        path.push(hash(step, "a step of the path")?);
    }
    if !includes(&leaf, index, head.size, &path, &head.root) {
        return fault("the path does not lead from the leaf to the checkpoint's root");
    }
    Ok(Proven {
        record,
        index,
        size: head.size,
    })
}
