//! An export of the log, line by line. Each line has one right spelling, and each byte of it hangs
//! on a hash, a signature or another line: so a changed byte is found, at the first line that does
//! not hold.

use serde::{Deserialize, Serialize};

use super::note::{Checkpoint, Key, checkpoint};
use super::tree::{Hash, Tree, commitment, leaf};
use super::{Member, check_opening, hash};

const VERSION: u32 = 1;

/// Where an export does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// Counted from 1; one past the last where something is missing at the end.
    pub line: u64,
    /// In words.
    pub what: String,
}

/// What an export holds that verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Leaves.
    pub size: u64,
    /// Signed checkpoints.
    pub checkpoints: u64,
    /// Decisions that were opened.
    pub entries: u64,
    /// Leaves that were opened as padding.
    pub padding: u64,
    /// Base64 of the root over all leaves.
    pub root: String,
    /// The verifier key.
    pub key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Ledger {
        version: u32,
        origin: String,
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
        record: String,
        members: Vec<Member>,
    },
    Checkpoint {
        note: String,
    },
}

impl Line {
    const fn name(&self) -> &'static str {
        match self {
            Self::Ledger { .. } => "the header",
            Self::Key { .. } => "a key",
            Self::Block { .. } => "a block",
            Self::Padding { .. } => "padding",
            Self::Entry { .. } => "an entry",
            Self::Checkpoint { .. } => "a checkpoint",
        }
    }
}

/// What the next line may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Header,
    Key,
    /// A block; nothing is open.
    Block,
    /// The padding of the block before it.
    Padding,
    /// Entries of the block until all its leaves are open.
    Entry,
    /// The checkpoint of the block before it.
    Checkpoint,
}

/// Reads an export.
#[derive(Clone, Debug)]
pub struct Verifier {
    next: Next,
    line: u64,
    pinned: Option<String>,
    held: Option<String>,
    held_head: Option<Checkpoint>,
    origin: String,
    size: u64,
    openings: bool,
    key: Option<Key>,
    tree: Tree,
    /// The present block: its first leaf, its leaves, and which are not open yet.
    first: u64,
    leaves: Vec<Hash>,
    closed: Vec<bool>,
    found: Verified,
}

impl Verifier {
    /// Starts. `pinned` is the verifier key known from elsewhere: without one the export's own is
    /// believed, and then a whole forged log would pass. `held` is a checkpoint kept from before,
    /// which must be among those of the log.
    #[must_use]
    pub fn new(pinned: Option<String>, held: Option<String>) -> Self {
        Self {
            next: Next::Header,
            line: 0,
            pinned,
            held,
            held_head: None,
            origin: String::new(),
            size: 0,
            openings: false,
            key: None,
            tree: Tree::default(),
            first: 0,
            leaves: Vec::new(),
            closed: Vec::new(),
            found: Verified::default(),
        }
    }

    /// Takes the next line, with its newline.
    ///
    /// # Errors
    /// When it does not hold, or does not belong there.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.line += 1;
        let line = self.line;
        self.take(bytes)
            .map_err(|super::Fault(what)| Fault { line, what })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), super::Fault> {
        let Some(bytes) = bytes.strip_suffix(b"\n") else {
            return super::fault("the line breaks off");
        };
        let line: Line = serde_json::from_slice(bytes)
            .map_err(|error| super::Fault(format!("the line cannot be read: {error}")))?;
        // One right spelling: a space or an escape would be bytes that nothing hangs on.
        let spelling = serde_json::to_vec(&line)
            .map_err(|error| super::Fault(format!("the line cannot be written: {error}")))?;
        if spelling != bytes {
            return super::fault("the line is not in its one right spelling");
        }
        match (self.next, line) {
            (
                Next::Header,
                Line::Ledger {
                    version,
                    origin,
                    size,
                    openings,
                },
            ) => {
                if version != VERSION {
                    return super::fault(format!("version {version} is not known here"));
                }
                (self.origin, self.size, self.openings) = (origin, size, openings);
                self.next = Next::Key;
                Ok(())
            }
            (Next::Key, Line::Key { vkey }) => self.key(vkey),
            (Next::Block, Line::Block { first, leaves }) => self.block(first, &leaves),
            (Next::Padding, Line::Padding { first, salts }) => self.padding(first, &salts),
            (
                Next::Entry,
                Line::Entry {
                    index,
                    salt,
                    record,
                    members,
                },
            ) => self.entry(index, &salt, &record, &members),
            (Next::Checkpoint, Line::Checkpoint { note }) => self.checkpoint(&note),
            (next, line) => super::fault(format!("{} where {next:?} is due", line.name())),
        }
    }

    fn key(&mut self, vkey: String) -> Result<(), super::Fault> {
        if self.pinned.as_ref().is_some_and(|pinned| *pinned != vkey) {
            return super::fault("the key is not the one this log is known by");
        }
        let key = Key::parse(&vkey)?;
        if key.name() != self.origin {
            return super::fault("the key is not named as the log");
        }
        if let Some(held) = &self.held {
            let head = checkpoint(held, &key).map_err(|super::Fault(what)| {
                super::Fault(format!("the checkpoint held from before: {what}"))
            })?;
            self.held_head = Some(head);
        }
        self.key = Some(key);
        self.found.key = vkey;
        self.next = Next::Block;
        Ok(())
    }

    fn block(&mut self, first: u64, leaves: &[String]) -> Result<(), super::Fault> {
        if first != self.tree.size() {
            return super::fault(format!("the block should begin at {}", self.tree.size()));
        }
        let alike = self.leaves.is_empty() || self.leaves.len() == leaves.len();
        if !leaves.len().is_power_of_two() || !alike {
            return super::fault("the block is not as long as all are");
        }
        self.first = first;
        self.leaves.clear();
        for (at, text) in leaves.iter().enumerate() {
            let leaf = hash(text, &format!("leaf {}", first + at as u64))?;
            self.leaves.push(leaf);
            self.tree.push(leaf);
        }
        self.next = if self.openings {
            Next::Padding
        } else {
            Next::Checkpoint
        };
        Ok(())
    }

    fn padding(&mut self, first: u64, salts: &[Option<String>]) -> Result<(), super::Fault> {
        if first != self.first || salts.len() != self.leaves.len() {
            return super::fault("the padding is not of the block before it");
        }
        self.closed.clear();
        for (at, (salt, hashed)) in salts.iter().zip(&self.leaves).enumerate() {
            self.closed.push(salt.is_none());
            let Some(salt) = salt else { continue };
            let index = first + at as u64;
            let salt = hash(salt, &format!("the salt of leaf {index}"))?;
            if leaf(&commitment(&salt, b"")) != *hashed {
                return super::fault(format!("leaf {index} is no padding"));
            }
            self.found.padding += 1;
        }
        self.all_open();
        Ok(())
    }

    fn all_open(&mut self) {
        self.next = if self.closed.contains(&true) {
            Next::Entry
        } else {
            Next::Checkpoint
        };
    }

    fn entry(
        &mut self,
        index: u64,
        salt: &str,
        record: &str,
        members: &[Member],
    ) -> Result<(), super::Fault> {
        // In order of their places, so that there is one right order.
        let due = self.closed.iter().position(|closed| *closed);
        let at = index
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok())
            .filter(|at| Some(*at) == due);
        let (Some(at), Some(hashed)) = (at, at.and_then(|at| self.leaves.get(at))) else {
            return super::fault(format!("leaf {index} is not the next to open"));
        };
        let record = check_opening(hashed, salt, record, members)?;
        if sealed_in(&record) != members.len() {
            return super::fault(format!("leaf {index} has members that are not opened"));
        }
        if let Some(closed) = self.closed.get_mut(at) {
            *closed = false;
        }
        self.found.entries += 1;
        self.all_open();
        Ok(())
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), super::Fault> {
        let Some(key) = &self.key else {
            return super::fault("a checkpoint before the key");
        };
        let head = checkpoint(note, key)?;
        if head.size != self.tree.size() || head.root != self.tree.root() {
            return super::fault("the checkpoint is not of the leaves before it");
        }
        if let Some(held) = self.held_head.take_if(|held| held.size <= head.size)
            && held != head
        {
            return super::fault("the checkpoint held from before is of another log");
        }
        self.found.checkpoints += 1;
        self.next = Next::Block;
        Ok(())
    }

    /// Ends: whether anything is missing, and what there was.
    ///
    /// # Errors
    /// When the export breaks off.
    pub fn finish(mut self) -> Result<Verified, Fault> {
        use base64::Engine;
        let line = self.line + 1;
        let missing = |what: &str| {
            Err(Fault {
                line,
                what: what.to_owned(),
            })
        };
        if self.next != Next::Block {
            return missing("the export breaks off");
        }
        if self.tree.size() != self.size {
            return missing("the export holds not as many leaves as its header says");
        }
        if self.held_head.is_some() {
            return missing("the export ends before the checkpoint held from before");
        }
        self.found.size = self.size;
        self.found.root = base64::engine::general_purpose::STANDARD.encode(self.tree.root());
        Ok(self.found)
    }
}

/// How many members of a record are sealed.
fn sealed_in(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(members) => {
            let here = members.len() == 1 && members.get("sealed").is_some_and(|s| s.is_string());
            usize::from(here) + members.values().map(sealed_in).sum::<usize>()
        }
        serde_json::Value::Array(items) => items.iter().map(sealed_in).sum(),
        _ => 0,
    }
}
