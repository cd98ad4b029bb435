//! RFC 6962 hashing, and which parts of the tree a root or a proof is made of.
//!
//! Proofs are lists of [`Range`]s: what is stored of the tree, and what is computed again, is the
//! caller's to know.

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Leaves `start..end` of the log; never empty, and what the functions below return never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first leaf.
    pub start: u64,
    /// The leaf after the last.
    pub end: u64,
}

pub(super) fn hash(digest: &Digest) -> Hash {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

/// RFC 6962 §2.1: the hash of a leaf, `SHA-256(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(data);
    hash(&context.finish())
}

/// RFC 6962 §2.1: the hash of a node, `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    hash(&context.finish())
}

/// RFC 6962 §2.1: the Merkle tree hash over leaf hashes.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&digest(&SHA256, b"")),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root(left), &root(right))
        }
    }
}

impl Range {
    const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The two halves of RFC 6962 §2.1: the left one is the largest power of two below the length.
    fn halves(self) -> Option<(Self, Self)> {
        if self.len() < 2 {
            return None;
        }
        let middle = self.start + self.len().next_power_of_two() / 2;
        let left = Self {
            end: middle,
            ..self
        };
        let right = Self {
            start: middle,
            ..self
        };
        Some((left, right))
    }

    /// The whole subtrees that make up this range, from left to right: as many as the length has
    /// ones in binary.
    #[must_use]
    pub fn perfect(self) -> Vec<Self> {
        match self.halves() {
            Some((left, right)) if !self.len().is_power_of_two() => {
                let mut parts = vec![left];
                parts.extend(right.perfect());
                parts
            }
            _ => vec![self],
        }
    }
}

/// The hash of a range from the hashes of its [`Range::perfect`] parts; `None` for no part.
#[must_use]
pub fn fold(parts: &[Hash]) -> Option<Hash> {
    let mut from_right = parts.iter().rev();
    let last = *from_right.next()?;
    Some(from_right.fold(last, |right, left| node_hash(left, &right)))
}

/// RFC 6962 §2.1.1: the audit path of leaf `index` in a tree of `size` leaves, the leaf's own side
/// first. Empty for a leaf that is not in the tree.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Vec<Range> {
    let mut path = Vec::new();
    let mut here = Range {
        start: 0,
        end: size,
    };
    if index >= size {
        return path;
    }
    while let Some((left, right)) = here.halves() {
        if index < right.start {
            path.push(right);
            here = left;
        } else {
            path.push(left);
            here = right;
        }
    }
    path.reverse();
    path
}

/// RFC 6962 §2.1.2: the consistency proof between trees of `old` and `new` leaves; empty where they
/// are the same, or the old one is empty or larger.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Vec<Range> {
    let mut path = Vec::new();
    let mut here = Range { start: 0, end: new };
    if old == 0 || old >= new {
        return path;
    }
    let mut known = true; // whether the verifier has this subtree's hash: it is the old root
    while old != here.end {
        let Some((left, right)) = here.halves() else {
            break;
        };
        if old <= right.start {
            path.push(right);
            here = left;
        } else {
            path.push(left);
            here = right;
            known = false;
        }
    }
    if !known {
        path.push(here);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(hash: Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tree hashes published with Certificate Transparency's reference implementation.
    #[test]
    fn the_tree_is_rfc_6962s() {
        assert_eq!(
            hex(root(&[])),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        let two = [leaf_hash(b""), leaf_hash(&[0])];
        assert_eq!(
            hex(root(&two)),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
    }

    type Oracle = ct_merkle::mem_backed_tree::MemoryBackedTree<sha2::Sha256, Vec<u8>>;

    fn grown(size: u64) -> (Oracle, Vec<Hash>) {
        let mut oracle = Oracle::new();
        let mut leaves = Vec::new();
        for at in 0..size {
            let data = at.to_be_bytes().to_vec();
            leaves.push(leaf_hash(&data));
            oracle.push(data);
        }
        (oracle, leaves)
    }

    fn bytes(path: &[Range], leaves: &[Hash]) -> Vec<u8> {
        let of = |range: &Range| {
            let parts: Vec<Hash> = range
                .perfect()
                .iter()
                .map(|part| root(&leaves[part.start as usize..part.end as usize]))
                .collect();
            fold(&parts).unwrap()
        };
        path.iter().flat_map(of).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// `ct-merkle` is an implementation of the same RFC by other hands.
        #[test]
        fn roots_and_proofs_are_those_of_another_implementation(
            size in 1_u64..200, a in any::<u64>(), b in any::<u64>()
        ) {
            let (oracle, leaves) = grown(size);
            let theirs = oracle.root().as_bytes().to_vec();
            prop_assert_eq!(theirs, root(&leaves).to_vec());
            let index = a % size;
            let path = bytes(&inclusion(index, size), &leaves);
            let theirs = oracle.prove_inclusion(index as usize);
            prop_assert_eq!(path, theirs.as_bytes());
            let old = 1 + b % size;
            let path = bytes(&consistency(old, size), &leaves);
            let theirs = oracle.prove_consistency((size - old) as usize);
            prop_assert_eq!(path, theirs.as_bytes());
        }
    }

    #[test]
    fn there_is_no_path_to_a_leaf_outside_the_tree() {
        assert!(inclusion(5, 5).is_empty());
        assert!(!inclusion(4, 5).is_empty());
        assert!(consistency(6, 5).is_empty());
        assert!(!consistency(4, 5).is_empty());
    }
}
