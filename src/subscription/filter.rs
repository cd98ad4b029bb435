//! Which items a subscriber is told of, by what the subscriber has of them: the rendition where that
//! is what they get.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::Wrong;

/// Longest list in a filter.
const LIST_MAX: usize = 100;
/// Longest text to look for, in bytes.
const TEXT_MAX: usize = 200;
/// Most words to look for.
const WORDS_MAX: usize = 10;
/// Highest level of severity.
const SEVERITY_MAX: i64 = 4;

/// What is wanted: everything that meets each part that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Kinds: `incident_cause`, `advisory`, …, `stix` for posted objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The sector it comes from, is useful for, spread to, or is addressed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sectors: Vec<String>,
    /// Event types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Cause types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cause_types: Vec<String>,
    /// At least this severe, 0 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<i64>,
    /// Asset classes an advisory names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asset_classes: Vec<String>,
    /// Products an advisory names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// Words that stand in it, in any width and case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// TLP labels, as `GREEN` or `TLP:GREEN`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Words and filters of a search, as in its address. Whoever has the item decides what they find.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub search: BTreeMap<String, String>,
}

/// What a filter looks at.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// The item's kind.
    pub kind: &'a str,
    /// Its TLP label, where it is known.
    pub tlp: &'a str,
    /// The report, or the STIX object, as the subscriber has it.
    pub content: &'a Value,
    /// Its texts, folded when the first filter asks for them.
    pub words: &'a OnceLock<String>,
}

impl Filter {
    /// What is wrong with it.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for (name, list) in [
            ("kinds", &self.kinds),
            ("sectors", &self.sectors),
            ("event_types", &self.event_types),
            ("cause_types", &self.cause_types),
            ("asset_classes", &self.asset_classes),
            ("products", &self.products),
            ("levels", &self.levels),
        ] {
            let long = |word: &String| word.is_empty() || word.len() > TEXT_MAX;
            if list.len() > LIST_MAX || list.iter().any(long) {
                let message = "is a list of at most 100 words of 1 to 200 bytes";
                wrong.push((format!("/filter/{name}"), message.to_owned()));
            }
        }
        let words = self.text.split_whitespace().count();
        if self.text.len() > TEXT_MAX || words > WORDS_MAX {
            let message = "is at most 10 words and 200 bytes long";
            wrong.push(("/filter/text".to_owned(), message.to_owned()));
        }
        if self
            .severity
            .is_some_and(|level| !(0..=SEVERITY_MAX).contains(&level))
        {
            wrong.push((
                "/filter/severity".to_owned(),
                "is a number from 0 to 4".to_owned(),
            ));
        }
        wrong
    }

    /// Whether an item is wanted.
    #[must_use]
    pub fn wants(&self, item: &Looked<'_>) -> bool {
        let of = |pointer: &str| words(item.content.pointer(pointer));
        let sectors = [
            "/sector",
            "/useful_for_sectors",
            "/impact/ripple_to",
            "/advisory/targets/sectors",
        ];
        let level = |wanted: &String| {
            let wanted = wanted.strip_prefix("TLP:").unwrap_or(wanted);
            item.tlp.strip_prefix("TLP:").unwrap_or(item.tlp) == wanted
        };
        let severity = item
            .content
            .pointer("/severity/level")
            .and_then(Value::as_i64);
        (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == item.kind))
            && any(&self.sectors, || {
                sectors.iter().flat_map(|place| of(place)).collect()
            })
            && any(&self.event_types, || of("/event_types"))
            && any(&self.cause_types, || of("/cause_types"))
            && any(&self.asset_classes, || {
                of("/advisory/targets/asset_classes")
            })
            && any(&self.products, || of("/advisory/targets/products"))
            && self
                .severity
                .is_none_or(|least| severity.is_some_and(|level| level >= least))
            && (self.levels.is_empty() || self.levels.iter().any(level))
            && self.finds(item)
    }

    fn finds(&self, item: &Looked<'_>) -> bool {
        let wanted = fold(&self.text);
        let mut words = wanted.split_whitespace().peekable();
        if words.peek().is_none() {
            return true;
        }
        let has = item.words.get_or_init(|| {
            let mut all = String::new();
            texts(item.content, &mut all);
            all
        });
        words.all(|word| has.contains(word))
    }
}

fn any<'a>(wanted: &[String], has: impl FnOnce() -> Vec<&'a str>) -> bool {
    wanted.is_empty()
        || has()
            .iter()
            .any(|word| wanted.iter().any(|one| one == word))
}

fn words(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(word)) => vec![word.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Full and half width, and case, are one.
fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// Every text of a value, folded, each on a line of its own.
fn texts(value: &Value, all: &mut String) {
    match value {
        Value::String(text) => {
            all.push_str(&fold(text));
            all.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|one| texts(one, all)),
        Value::Object(members) => members.values().for_each(|one| texts(one, all)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wants(filter: Value) -> bool {
        let filter: Filter = serde_json::from_value(filter).unwrap();
        let content = json!({
            "sector": "finance", "useful_for_sectors": ["power"], "event_types": ["info_leak"],
            "cause_types": ["insider"], "severity": {"level": 2},
            "title": {"ja": "ＡＴＭの障害"}, "advisory": {"targets": {"products": ["Gate 3"]}},
        });
        filter.wants(&Looked {
            kind: "incident_cause",
            tlp: "TLP:GREEN",
            content: &content,
            words: &OnceLock::new(),
        })
    }

    #[test]
    fn each_part_that_is_said_must_be_met() {
        assert!(wants(json!({})));
        for (good, bad) in [
            (
                json!({"kinds": ["incident_cause"]}),
                json!({"kinds": ["best_practice"]}),
            ),
            (json!({"sectors": ["power"]}), json!({"sectors": ["gas"]})),
            (
                json!({"event_types": ["info_leak"]}),
                json!({"event_types": ["near_miss"]}),
            ),
            (
                json!({"cause_types": ["insider"]}),
                json!({"cause_types": ["unknown"]}),
            ),
            (json!({"severity": 2}), json!({"severity": 3})),
            (
                json!({"products": ["Gate 3"]}),
                json!({"products": ["Gate 4"]}),
            ),
            (json!({"text": "atm 障害"}), json!({"text": "atm 停電"})),
            (
                json!({"levels": ["GREEN"]}),
                json!({"levels": ["TLP:AMBER"]}),
            ),
        ] {
            assert!(wants(good.clone()), "{good}");
            assert!(!wants(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn a_filter_out_of_bounds_is_named() {
        let filter = Filter {
            severity: Some(5),
            text: "x".repeat(201),
            kinds: vec![String::new()],
            ..Filter::default()
        };
        let places: Vec<String> = filter.check().into_iter().map(|(place, _)| place).collect();
        assert_eq!(
            places,
            ["/filter/kinds", "/filter/text", "/filter/severity"]
        );
        assert!(Filter::default().check().is_empty());
    }
}
