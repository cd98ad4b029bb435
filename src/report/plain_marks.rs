//! The marks that certainly are there: names, domains and networks of the source as the directory
//! spells them, width, case and white space aside. The anonymiser strips these by itself; what only
//! reads like one is for `identity_check` to find and for people to judge.

use std::ops::Range;

use ipnet::IpNet;

use super::address::addresses;
use super::find::{Edges, Finder, Gaps};
use super::fold::Folded;
use super::identity_check::{Mark, overlaps};
use super::name::name_forms;

/// Marks made ready to be searched for.
#[derive(Debug, Default)]
pub(super) struct PlainMarks {
    names: Finder,
    domains: Finder,
    networks: Vec<(IpNet, usize)>,
    /// Number of the mark that a needle of `names` or `domains` belongs to.
    name_marks: Vec<usize>,
    domain_marks: Vec<usize>,
}

impl PlainMarks {
    pub(super) fn new(marks: &[Mark]) -> Self {
        let mut ready = Self::default();
        for (number, mark) in marks.iter().enumerate() {
            match mark {
                Mark::Name(name) => {
                    for form in name_forms(name) {
                        if ready.names.add(&form, Edges::Word, Gaps::Loose).is_some() {
                            ready.name_marks.push(number);
                        }
                    }
                }
                Mark::Domain(domain) => {
                    let bare = domain.trim().trim_start_matches("*.").trim_matches('.');
                    if ready
                        .domains
                        .add(&Folded::new(bare), Edges::Domain, Gaps::Tight)
                        .is_some()
                    {
                        ready.domain_marks.push(number);
                    }
                }
                Mark::Network(network) => {
                    ready.networks.push((*network, number));
                }
                _ => {}
            }
        }
        ready
    }

    /// Finds the marks in one string: bytes of the string, and the number of the mark.
    pub(super) fn hits(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let folded = Folded::new(text);
        let mut hits = Vec::new();
        let mut keep = |folded: &Folded, glyphs: &Range<usize>, mark: Option<&usize>| {
            hits.extend(folded.bytes(glyphs).zip(mark.copied()));
        };
        for hit in self.names.find_all(&folded) {
            keep(&folded, &hit.glyphs, self.name_marks.get(hit.needle));
        }
        if self.domain_marks.is_empty() && self.networks.is_empty() {
            return hits;
        }
        let folded = folded.refanged();
        for hit in self.domains.find_all(&folded) {
            keep(&folded, &hit.glyphs, self.domain_marks.get(hit.needle));
        }
        if !self.networks.is_empty() {
            for (glyphs, found) in addresses(folded.glyphs()) {
                for (network, mark) in &self.networks {
                    if overlaps(network, &found) {
                        keep(&folded, &glyphs, Some(mark));
                    }
                }
            }
        }
        hits
    }
}
