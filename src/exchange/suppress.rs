//! Counts of small groups that are not told: pure, and the only place where they are decided.
//!
//! A count below `k` is left out, and so is one from which such a count follows: as the rest of its
//! group, as the difference to another count of the group that is told, or as a total without the
//! others. What it does not see is time: who asks again and again sees when a count changes.

/// What is counted of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The smallest count that may be told.
    pub k: u64,
    /// How many there are, then how many of those did one thing, how many of those the next, ….
    pub chain: Vec<u64>,
    /// How the last of the chain divides.
    pub split: Vec<u64>,
}

/// The same with what may be told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The chain.
    pub chain: Vec<Option<u64>>,
    /// How its last divides.
    pub split: Vec<Option<u64>>,
}

/// Whether a count may stand beside a larger one of the same group that is told: nor may what is
/// between them be few, unless it is nobody.
const fn apart(larger: u64, count: u64, k: u64) -> bool {
    let rest = larger.saturating_sub(count);
    rest == 0 || rest >= k
}

impl Counts {
    /// What of one group may be told.
    #[must_use]
    pub fn told(&self) -> Told {
        let mut last: Option<u64> = None;
        let mut chain = Vec::with_capacity(self.chain.len());
        for (at, count) in self.chain.iter().enumerate() {
            let beside = match last {
                None => at == 0,
                Some(larger) => apart(larger, *count, self.k),
            };
            let shown = *count >= self.k && beside;
            if shown {
                last = Some(*count);
            }
            chain.push(shown.then_some(*count));
        }
        let whole = chain.last().copied().flatten();
        Told {
            split: whole.map_or_else(
                || vec![None; self.split.len()],
                |_| divided(&self.split, self.k),
            ),
            chain,
        }
    }
}

/// The parts of a whole that is told: those left out are two at least, and together not few.
pub(super) fn divided(parts: &[u64], k: u64) -> Vec<Option<u64>> {
    let mut shown: Vec<bool> = parts.iter().map(|part| *part >= k).collect();
    loop {
        let hidden = || parts.iter().zip(&shown).filter(|(_, shown)| !**shown);
        let (count, sum) = (
            hidden().count(),
            hidden().map(|(part, _)| *part).sum::<u64>(),
        );
        if count == 0 || count >= 2 && sum >= k {
            break;
        }
        let smallest = parts
            .iter()
            .enumerate()
            .filter(|(at, _)| shown.get(*at) == Some(&true));
        let Some((at, _)) = smallest.min_by_key(|(_, part)| **part) else {
            break;
        };
        if let Some(next) = shown.get_mut(at) {
            *next = false;
        }
    }
    let both = parts.iter().zip(shown);
    both.map(|(part, shown)| shown.then_some(*part)).collect()
}

/// The sum of all groups: where some count of a group is left out, only if what follows for those
/// groups together is about two at least, and neither few nor few of the rest.
#[must_use]
pub fn total(groups: &[Counts]) -> Told {
    let told: Vec<Told> = groups.iter().map(Counts::told).collect();
    let k = groups.iter().map(|group| group.k).max().unwrap_or_default();
    let length = groups
        .iter()
        .map(|group| group.chain.len())
        .max()
        .unwrap_or_default();
    let mut last: Option<u64> = None;
    let mut chain = Vec::with_capacity(length);
    for at in 0..length {
        let of = |group: &Counts| group.chain.get(at).copied().unwrap_or_default();
        let all = |group: &Counts| group.chain.first().copied().unwrap_or_default();
        let sum: u64 = groups.iter().map(of).sum();
        let hidden = groups
            .iter()
            .zip(&told)
            .filter(|(_, told)| !matches!(told.chain.get(at), Some(Some(_))));
        let hidden: Vec<&Counts> = hidden.map(|(group, _)| group).collect();
        let count: u64 = hidden.iter().map(|group| of(group)).sum();
        let rest = hidden.iter().map(|group| all(group)).sum::<u64>() - count;
        let safe = hidden.is_empty() || hidden.len() >= 2 && count >= k && (at == 0 || rest >= k);
        let beside = last.is_none_or(|larger| apart(larger, sum, k));
        let shown = sum >= k && safe && beside && (at == 0 || last.is_some());
        if shown {
            last = Some(sum);
        }
        chain.push(shown.then_some(sum));
    }
    let parts = groups
        .iter()
        .map(|group| group.split.len())
        .max()
        .unwrap_or_default();
    let split = (0..parts).map(|at| {
        let counts = told
            .iter()
            .map(|told| told.split.get(at).copied().flatten());
        counts.sum::<Option<u64>>().filter(|_| !told.is_empty())
    });
    Told {
        split: split.collect(),
        chain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(k: u64, chain: &[u64], split: &[u64]) -> Counts {
        Counts {
            k,
            chain: chain.to_vec(),
            split: split.to_vec(),
        }
    }

    #[test]
    fn a_count_below_k_is_left_out_and_so_is_the_rest_of_its_group() {
        assert_eq!(counts(3, &[10, 3], &[]).told().chain, [Some(10), Some(3)]);
        assert_eq!(counts(3, &[10, 2], &[]).told().chain, [Some(10), None]);
        assert_eq!(counts(3, &[10, 7], &[]).told().chain, [Some(10), Some(7)]);
        // One of ten did not: that is a group of one.
        assert_eq!(counts(3, &[10, 9], &[]).told().chain, [Some(10), None]);
        assert_eq!(counts(3, &[10, 10], &[]).told().chain, [Some(10), Some(10)]);
        assert_eq!(counts(5, &[4, 4, 4], &[]).told().chain, [None, None, None]);
    }

    #[test]
    fn no_small_count_follows_from_two_that_are_told() {
        // Seven had it, six opened it: one had it and did not.
        assert_eq!(
            counts(3, &[10, 7, 6], &[]).told().chain,
            [Some(10), Some(7), None]
        );
        assert_eq!(
            counts(3, &[10, 7, 4], &[]).told().chain,
            [Some(10), Some(7), Some(4)]
        );
        // With what lies between left out, the next stands beside the one before it.
        assert_eq!(
            counts(3, &[10, 7, 6, 4], &[]).told().chain,
            [Some(10), Some(7), None, Some(4)]
        );
    }

    #[test]
    fn of_the_parts_of_a_whole_two_are_left_out_or_none() {
        assert_eq!(counts(3, &[9], &[3, 3, 3]).told().split, [Some(3); 3]);
        // The two that are left out are eight together; with one alone it would follow.
        assert_eq!(
            counts(3, &[20], &[1, 7, 12]).told().split,
            [None, None, Some(12)]
        );
        assert_eq!(
            counts(3, &[14], &[1, 1, 12]).told().split,
            [None, None, None]
        );
        assert_eq!(counts(3, &[2], &[1, 1]).told().split, [None, None]);
    }

    #[test]
    fn a_total_gives_away_no_group_that_was_left_out() {
        let shown = counts(3, &[10, 5], &[]);
        let small = counts(3, &[10, 2], &[]);
        assert_eq!(
            total(&[shown.clone(), shown.clone()]).chain,
            [Some(20), Some(10)]
        );
        // One alone would be the total without the others.
        assert_eq!(
            total(&[shown.clone(), small.clone()]).chain,
            [Some(20), None]
        );
        assert_eq!(
            total(&[shown.clone(), small.clone(), small]).chain,
            [Some(30), Some(9)]
        );
        let fewer = counts(3, &[10, 1], &[]);
        assert_eq!(
            total(&[shown, fewer.clone(), fewer]).chain,
            [Some(30), None]
        );
    }

    /// Whatever the counts: nothing that is told, and no difference of two, is between 1 and k.
    #[test]
    fn nothing_told_of_a_group_is_small() {
        for k in 0..5 {
            for all in 0..9 {
                for one in 0..=all {
                    for two in 0..=one {
                        let told = counts(k, &[all, one, two], &[two, one - two]).told();
                        let shown: Vec<u64> = told.chain.iter().flatten().copied().collect();
                        for (at, count) in shown.iter().enumerate() {
                            assert!(*count >= k);
                            for other in shown.iter().skip(at + 1) {
                                assert!(
                                    count == other || count - other >= k,
                                    "{all} {one} {two} {k}"
                                );
                            }
                        }
                        assert_ne!(told.split.iter().filter(|part| part.is_none()).count(), 1);
                    }
                }
            }
        }
    }
}
