//! Blocks: what the log grows by, always as much, however much or little was decided.
//!
//! Law 4: neither the size of the log nor the place of an entry in it may say how much happened. So
//! a block has as many leaves as the next; decisions lie in it at places that only the hub's secret
//! explains, and all other places are padding that looks the same. This file knows no time.

use aws_lc_rs::hmac;

use super::merkle::{Hash, leaf_hash};
use super::{commitment, merkle};

/// Leaves of a block. A block a minute leaves room for 68 decisions a second, for ever, which is
/// beyond what a council of people and feeds decides; and it is hashed anew for a proof in
/// milliseconds.
pub const BLOCK_LEAVES: u64 = 1 << BLOCK_LEVEL;

/// The height of a block's subtree.
pub const BLOCK_LEVEL: u32 = 12;

/// What a padding leaf commits to. No decision's record is empty, and a leaf that was shown to
/// commit to the empty record cannot be opened as anything else: so whoever is given the salts of
/// the padding knows that no decision hides behind it.
pub const PADDING: &[u8] = b"";

/// Derives places and padding from a key of the hub's secret. Its `Debug` prints nothing.
#[derive(Clone)]
pub struct Blocks {
    key: hmac::Key,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blocks")
    }
}

/// There are more entries than places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block has fewer places than it was given entries")]
pub struct Full;

impl Blocks {
    /// Takes a key that is used for nothing else.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    fn tag(&self, parts: &[&[u8]]) -> Hash {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }

    /// The salt under which the padding leaf at `index` commits to [`PADDING`].
    #[must_use]
    pub fn padding_salt(&self, index: u64) -> [u8; 32] {
        self.tag(&[b"padding", &index.to_be_bytes()])
    }

    /// The padding leaf at `index`: computed again whenever it is needed, never stored.
    #[must_use]
    pub fn padding(&self, index: u64) -> Hash {
        leaf_hash(&commitment(&self.padding_salt(index), PADDING))
    }

    /// The padding of the `size` leaves from `first` on.
    #[must_use]
    pub fn padding_of(&self, first: u64, size: u64) -> Vec<Hash> {
        (first..first.saturating_add(size))
            .map(|index| self.padding(index))
            .collect()
    }

    /// The places of `entries` (their leaves, in order) among the `size` leaves from `first` on.
    ///
    /// Where a place is taken the next is drawn anew and not looked for beside it: then an entry's
    /// place is any of the free ones alike, and the places of some entries say nothing about how
    /// many others there are.
    ///
    /// # Errors
    /// When there are more entries than places.
    pub fn places(&self, first: u64, size: u64, entries: &[Hash]) -> Result<Vec<u64>, Full> {
        if entries.len() as u64 > size {
            return Err(Full);
        }
        let mut taken = std::collections::BTreeSet::new();
        let mut places = Vec::with_capacity(entries.len());
        for leaf in entries {
            let mut attempt = 0_u64;
            let place = loop {
                let drawn =
                    self.tag(&[b"place", &first.to_be_bytes(), leaf, &attempt.to_be_bytes()]);
                let number = drawn
                    .iter()
                    .take(8)
                    .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                // Sizes are powers of two, so no place is likelier than another.
                let place = first + number % size;
                if taken.insert(place) {
                    break place;
                }
                attempt += 1;
            };
            places.push(place);
        }
        Ok(places)
    }
}

/// The leaves of a block: its padding with the entries in their places.
#[must_use]
pub fn filled(
    mut padding: Vec<Hash>,
    first: u64,
    entries: impl Iterator<Item = (u64, Hash)>,
) -> Vec<Hash> {
    for (place, leaf) in entries {
        let slot = place
            .checked_sub(first)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| padding.get_mut(at));
        if let Some(slot) = slot {
            *slot = leaf;
        }
    }
    padding
}

/// The hashes of each level of a whole subtree over `leaves`, the leaves first, its root last.
#[must_use]
pub fn levels(leaves: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut levels = vec![leaves];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let next = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => merkle::node_hash(left, right),
                _ => merkle::root(pair),
            })
            .collect();
        levels.push(next);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect()
    }

    #[test]
    fn a_full_block_has_a_place_for_each_and_one_more_is_refused() {
        let blocks = Blocks::new(&[1; 32]);
        let mut places = blocks.places(64, 64, &leaves(64)).unwrap();
        places.sort_unstable();
        assert_eq!(places, (64..128).collect::<Vec<_>>());
        assert_eq!(blocks.places(64, 64, &leaves(65)), Err(Full));
    }

    /// Looking beside a taken place would draw entries together as a block fills.
    #[test]
    fn the_places_of_two_entries_do_not_say_how_full_the_block_is() {
        let beside = |others: u64| {
            (0..4000_u64)
                .filter(|round| {
                    let mut key = [0; 32];
                    key[..8].copy_from_slice(&round.to_be_bytes());
                    let places = Blocks::new(&key)
                        .places(0, 64, &leaves(others + 2))
                        .unwrap();
                    let [.., a, b] = places[..] else { return false };
                    a.abs_diff(b) == 1
                })
                .count()
        };
        // Two of 64 places lie side by side in one of 32 cases: 125 of 4000, give or take 11.
        for others in [0, 32, 56] {
            let count = beside(others);
            assert!((80..=170).contains(&count), "{others} others: {count}");
        }
    }

    #[test]
    fn places_and_padding_depend_on_the_secret() {
        let (one, two) = (Blocks::new(&[1; 32]), Blocks::new(&[2; 32]));
        assert_ne!(one.padding(7), two.padding(7));
        assert_ne!(one.padding(7), one.padding(8));
        let entries = leaves(8);
        assert_eq!(
            one.places(0, 4096, &entries).unwrap(),
            one.places(0, 4096, &entries).unwrap()
        );
        assert_ne!(
            one.places(0, 4096, &entries).unwrap(),
            two.places(0, 4096, &entries).unwrap()
        );
        assert_eq!(format!("{one:?}"), "Blocks");
    }

    proptest! {
        #[test]
        fn an_entry_s_place_says_nothing_of_its_number(seed in any::<[u8; 32]>()) {
            let places = Blocks::new(&seed).places(0, BLOCK_LEAVES, &leaves(40)).unwrap();
            let rising = places.windows(2).filter(|pair| pair[0] < pair[1]).count();
            // 39 steps, each as likely up as down; all up or all down would be an order.
            prop_assert!((5..=34).contains(&rising), "{rising}");
        }
    }

    #[test]
    fn the_levels_end_in_the_root() {
        let leaves = leaves(16);
        let levels = levels(leaves.clone());
        assert_eq!(levels.len(), 5);
        assert_eq!(levels[4], [merkle::root(&leaves)]);
    }
}
