//! What two reports share, and how much that counts. Words count by how few of the reports that are
//! compared have them, which are the reader's own.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::{GAP, Letter, Script, fold, text_of};
use super::index::Wanted;
use super::matching::Prepared;

/// Kinds of marks that make reports alike, and how much each counts.
const MARKS: &[(&str, u64)] = &[
    ("sub_cause", 60),
    ("product", 50),
    ("asset_class", 30),
    ("cause_type", 24),
    ("event_type", 14),
    ("ripple_to", 10),
    ("sector", 8),
];

/// An observable that two reports name.
const INDICATOR: u64 = 100;

/// So many marks are asked for at most: a database takes no condition of a thousand parts.
const MARKS_ASKED: usize = 40;

/// Observables that are asked for, at most.
const INDICATORS_ASKED: usize = 20;

/// Words of a report that are compared, at most.
const WORDS_MAX: usize = 200;

/// Shared words that are told, at most, and what they count in all.
const WORDS_TOLD: usize = 8;
const WORDS_COUNT_MAX: u64 = 120;

/// What makes a report comparable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    marks: BTreeSet<String>,
    indicators: BTreeSet<String>,
    words: BTreeSet<String>,
    /// Words of the title.
    title: BTreeSet<String>,
}

/// What two reports share, and how much it counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// How much, in all.
    pub score: u64,
    /// What: a kind of mark, `indicator` or `word`, and the value.
    pub reasons: Vec<(String, String)>,
}

impl Traits {
    /// The traits of a report.
    #[must_use]
    pub fn of(report: &Prepared<'_>) -> Self {
        let mut traits = Self::default();
        let document = report.document();
        let alike = |mark: &&String| {
            let name = mark.split(':').next().unwrap_or_default();
            MARKS.iter().any(|(known, _)| *known == name)
        };
        traits.marks = document.marks.iter().filter(alike).cloned().collect();
        // What a best practice prevents is what a case was caused by.
        for cause in document.values("prevents") {
            traits.marks.insert(format!("cause_type:{cause}"));
        }
        for (pointer, letters) in report.texts() {
            if pointer.starts_with("/indicators/") && pointer.ends_with("/value") {
                traits.indicators.insert(text_of(letters));
            }
            if ["/title", "/summary", "/lesson", "/practice", "/root_cause"]
                .iter()
                .any(|place| pointer.starts_with(place))
            {
                traits.words.extend(words(letters));
            }
            if pointer.starts_with("/title") {
                traits.title.extend(words(letters));
            }
        }
        // The title's stay whatever else is cut.
        let title = traits.title.clone();
        while traits.words.len() > WORDS_MAX {
            traits.words.pop_last();
        }
        traits.words.extend(title);
        traits
    }

    /// What others must have to be compared: something that tells by itself, or where there is none
    /// of that a word of the title. `None`: nothing can be like it.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let mut any: Vec<Wanted> = Vec::new();
        for mark in self.asked() {
            any.push(Wanted::Mark(mark.clone()));
            if let Some(cause) = mark.strip_prefix("cause_type:") {
                any.push(Wanted::Mark(format!("prevents:{cause}")));
            }
        }
        any.extend(
            self.indicators
                .iter()
                .take(INDICATORS_ASKED)
                .map(|value| text(value)),
        );
        if any.is_empty() {
            any.extend(self.title.iter().map(|word| text(word)));
        }
        (!any.is_empty()).then(|| Wanted::All(vec![Wanted::Any(any)]))
    }

    /// The marks that others are asked for, the weightiest first.
    fn asked(&self) -> impl Iterator<Item = &String> {
        let weight = |mark: &&String| {
            let known = MARKS.iter().find(|(name, _)| {
                let rest = mark.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(':'))
            });
            std::cmp::Reverse(known.map_or(0, |(_, weight)| *weight))
        };
        let mut telling: Vec<&String> = self.marks.iter().filter(|mark| telling(mark)).collect();
        telling.sort_by_key(weight);
        telling.into_iter().take(MARKS_ASKED)
    }

    /// Whether another has what [`Self::wanted`] asks.
    #[must_use]
    pub fn compares(&self, other: &Self) -> bool {
        let by_itself = self.marks.iter().any(|mark| telling(mark)) || !self.indicators.is_empty();
        if !by_itself {
            return self.title.intersection(&other.words).next().is_some();
        }
        let mut marks = self.asked();
        let mut asked = self.indicators.iter().take(INDICATORS_ASKED);
        marks.any(|mark| other.marks.contains(mark))
            || asked.any(|value| other.indicators.contains(value))
    }

    /// What both share; of words how many of `all` reports have each.
    #[must_use]
    pub fn shared(&self, other: &Self, all: usize, having: &BTreeMap<String, usize>) -> Shared {
        let mut shared = Shared::default();
        for (name, count) in MARKS {
            for mark in self.marks.intersection(&other.marks) {
                if let Some(value) = mark
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix(':'))
                {
                    shared.score += count;
                    shared.reasons.push(((*name).to_owned(), value.to_owned()));
                }
            }
        }
        for value in self.indicators.intersection(&other.indicators) {
            shared.score += INDICATOR;
            shared.reasons.push(("indicator".to_owned(), value.clone()));
        }
        let mut words: Vec<(u64, &String)> = self
            .words
            .intersection(&other.words)
            .map(|word| {
                let of = having.get(word).copied().unwrap_or(1).max(1);
                let rare = (all / of).max(1).ilog2();
                (u64::from(rare) * 4, word)
            })
            .filter(|(count, _)| *count > 0)
            .collect();
        words.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let count: u64 = words.iter().map(|(count, _)| count).sum();
        shared.score += count.min(WORDS_COUNT_MAX);
        for (_, word) in words.iter().take(WORDS_TOLD) {
            shared.reasons.push(("word".to_owned(), (*word).clone()));
        }
        shared
    }

    /// Counts the words of many.
    #[must_use]
    pub fn having<'a>(all: impl Iterator<Item = &'a Self>) -> BTreeMap<String, usize> {
        let mut having = BTreeMap::new();
        for word in all.flat_map(|traits| &traits.words) {
            *having.entry(word.clone()).or_default() += 1;
        }
        having
    }
}

/// Whether a mark tells something by itself.
fn telling(mark: &str) -> bool {
    !mark.starts_with("sector:") && !mark.starts_with("ripple_to:")
}

fn text(words: &str) -> Wanted {
    Wanted::text(&fold(words))
}

/// What is written in one script in a row and long enough to be a word that tells something.
fn words(letters: &[Letter]) -> Vec<String> {
    let mut words = Vec::new();
    for run in letters.chunk_by(|a, b| a.script == b.script) {
        let least = match run.first().map(|letter| letter.script) {
            Some(Script::Ideograph) => 2,
            Some(Script::Katakana) => 3,
            Some(Script::Latin) => 4,
            _ => continue,
        };
        if run.len() >= least && run.iter().all(|letter| letter.ch != GAP) {
            words.push(text_of(run));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Document;
    use serde_json::json;

    fn of(report: &serde_json::Value) -> Traits {
        Traits::of(&Prepared::of(&Document::of(report)))
    }

    fn traits(cause: &str, title: &str, indicator: &str) -> Traits {
        of(&json!({
            "kind": "incident_cause", "sector": "power", "cause_types": [cause],
            "title": {"ja": title}, "indicators": [{"type": "ipv4", "value": indicator}],
        }))
    }

    #[test]
    fn a_thousand_marks_are_asked_for_in_few_and_compared_in_the_same() {
        let products: Vec<String> = (0..1000).map(|n| format!("装置{n:04}")).collect();
        let of = |products: &[String]| {
            of(&json!({
                "kind": "advisory", "sector": "power", "title": {"ja": "注意"}, "advisory": {"products": products, "targets": {"products": products}},
            }))
        };
        let many = of(&products);
        let Some(Wanted::All(all)) = many.wanted() else {
            panic!("nothing is asked for")
        };
        let [Wanted::Any(any)] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert!((2..=100).contains(&any.len()), "{}", any.len());
        let asked = products
            .iter()
            .filter(|one| many.compares(&of(std::slice::from_ref(one))));
        assert_eq!(
            asked.count(),
            any.len(),
            "what is compared is what was asked for"
        );
    }

    #[test]
    fn what_is_shared_is_told_and_counts() {
        let one = traits("insider", "変電所の停電", "198.51.100.7");
        let alike = traits("insider", "変電所の点検", "198[.]51[.]100[.]7");
        let other = traits("user_error", "変電所の停電", "198.51.100.8");
        assert!(one.compares(&alike) && !one.compares(&other));
        let having = Traits::having([&one, &alike, &other].into_iter());
        let shared = one.shared(&alike, 12, &having);
        let reasons: Vec<&str> = shared
            .reasons
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(reasons, ["cause_type", "sector", "indicator", "word"]);
        assert!(shared.score > one.shared(&other, 12, &having).score);
        // A word that all of them have tells nothing.
        assert!(
            one.shared(&alike, 3, &having)
                .reasons
                .iter()
                .all(|(name, _)| name != "word")
        );
        let practice = of(&json!({"kind": "best_practice", "prevents_causes": ["insider"]}));
        assert!(practice.compares(&one) && one.compares(&practice));
    }
}
