//! The Merkle tree as a verifier needs it: hashing, a root that grows leaf by leaf, and RFC 9162's
//! checks of inclusion (§2.1.3.2) and consistency (§2.1.4.2).

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The commitment of bytes under a salt.
#[must_use]
pub fn commitment(salt: &Hash, bytes: &[u8]) -> Hash {
    sha256(&[salt, bytes])
}

/// The hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// A tree of which only the peaks are kept: the roots of its whole subtrees, largest first.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    peaks: Vec<(u32, Hash)>,
    size: u64,
}

impl Tree {
    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let (mut level, mut hash) = (0, leaf);
        while let Some((_, left)) = self.peaks.pop_if(|(height, _)| *height == level) {
            hash = node(&left, &hash);
            level += 1;
        }
        self.peaks.push((level, hash));
        self.size += 1;
    }

    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over the leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .map(|(_, hash)| *hash)
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| sha256(&[]))
    }
}

/// Whether `path` proves that the leaf `hash` lies at `index` in the tree of `size` and `root`.
#[must_use]
pub fn includes(hash: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut here) = (index, size - 1, *hash);
    for step in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            here = node(step, &here);
            while at % 2 == 0 && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            here = node(&here, step);
        }
        at /= 2;
        last /= 2;
    }
    last == 0 && here == *root
}

/// Whether `path` proves that the tree `old` (size and root) is the beginning of the tree `new`.
#[must_use]
pub fn extends(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 || old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    // The root of a whole old tree is the first step itself, and is not sent.
    let mut steps = path.iter();
    let first = if old_size.is_power_of_two() {
        Some(old_root)
    } else {
        steps.next()
    };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at % 2 == 1 {
        at /= 2;
        last /= 2;
    }
    let (mut to_old, mut to_new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            to_old = node(step, &to_old);
            to_new = node(step, &to_new);
            while at % 2 == 0 && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            to_new = node(&to_new, step);
        }
        at /= 2;
        last /= 2;
    }
    last == 0 && to_old == *old_root && to_new == *new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    fn chunks(bytes: &[u8]) -> Vec<Hash> {
        bytes
            .chunks(32)
            .map(|part| part.try_into().unwrap())
            .collect()
    }

    fn grown(size: u64) -> (MemoryBackedTree<Sha256, Vec<u8>>, Tree) {
        let (mut theirs, mut ours) = (MemoryBackedTree::new(), Tree::default());
        for at in 0..size {
            let data = at.to_be_bytes().to_vec();
            ours.push(leaf(&data));
            theirs.push(data);
        }
        (theirs, ours)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn another_implementations_proofs_verify_and_changed_ones_do_not(
            size in 1_u64..120, a in any::<u64>(), b in any::<u64>(), bit in any::<u16>()
        ) {
            let (theirs, ours) = grown(size);
            let root = ours.root();
            prop_assert_eq!(theirs.root().as_bytes().to_vec(), root.to_vec());
            let index = a % size;
            let hash = leaf(&index.to_be_bytes());
            let path = chunks(theirs.prove_inclusion(index as usize).as_bytes());
            prop_assert!(includes(&hash, index, size, &path, &root));
            prop_assert!(!includes(&leaf(b"other"), index, size, &path, &root));
            prop_assert!(!includes(&hash, index, size, &path, &[0; 32]));
            if size > 1 {
                prop_assert!(!includes(&hash, (index + 1) % size, size, &path, &root));
                prop_assert!(!includes(&hash, index, size, &path[1..], &root));
                let mut longer = path.clone();
                longer.push([0; 32]);
                prop_assert!(!includes(&hash, index, size, &longer, &root));
                let mut flipped = path;
                let at = usize::from(bit) % (flipped.len() * 32);
                flipped[at / 32][at % 32] ^= 1;
                prop_assert!(!includes(&hash, index, size, &flipped, &root));
            }

            let old = 1 + b % size;
            let (_, before) = grown(old);
            let before = before.root();
            let path = chunks(theirs.prove_consistency((size - old) as usize).as_bytes());
            prop_assert!(extends((old, &before), (size, &root), &path));
            prop_assert!(!extends((old, &[0; 32]), (size, &root), &path));
            prop_assert!(!extends((old, &before), (size, &[0; 32]), &path));
            if !path.is_empty() {
                let mut flipped = path.clone();
                let at = usize::from(bit) % (flipped.len() * 32);
                flipped[at / 32][at % 32] ^= 1;
                prop_assert!(!extends((old, &before), (size, &root), &flipped));
                prop_assert!(!extends((old, &before), (size, &root), &path[1..]));
            }
        }
    }

    #[test]
    fn a_proof_from_nothing_or_to_a_smaller_tree_is_none() {
        let (_, tree) = grown(3);
        let root = tree.root();
        assert!(extends((3, &root), (3, &root), &[]));
        assert!(!extends((0, &root), (3, &root), &[]));
        assert!(!extends((4, &root), (3, &root), &[]));
        assert!(!includes(&leaf(b""), 3, 3, &[], &root));
    }
}
