//! A report as what can be searched in it: its texts with their places and weights, and its marks,
//! which are the values that filters and facets go by.
//!
//! What is no text of the report's (its handling, the list of what to strip, the bytes of a CSAF
//! document) is not searched.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One text of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer to it.
    pub pointer: String,
    /// The text.
    pub text: String,
    /// How much a word in it counts.
    pub weight: u64,
}

/// What can be searched in a report.
///
/// It is kept as JSON, without its texts (see [`Self::facts`]), and so are folded letters: whoever changes
/// what is here or how a text is folded sets `facts` and `letters` of what is kept to nothing, in a
/// migration, and has it entered anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its texts.
    #[serde(skip)]
    pub fields: Vec<Field>,
    /// Its marks, `name:value`.
    pub marks: BTreeSet<String>,
    /// How long it lasted, where that is known.
    pub duration_minutes: Option<u64>,
    /// `SCHEME/LEVEL`, where the report states its level.
    pub level: Option<String>,
}

/// So many characters of a report are searched, those of the weightiest places first: PostgreSQL keeps
/// a megabyte of tokens for one.
const SEARCHED_MAX: usize = 45_000;

/// Members that are no text of the report's.
const NOT_SEARCHED: &[&str] = &[
    "handling",
    "must_anonymise",
    "csaf",
    "at",
    "related",
    "replaces",
];

/// Members whose strings are codes, and the marks they make.
const CODES: &[(&str, &str)] = &[
    ("/kind", "kind"),
    ("/stage", "stage"),
    ("/sector", "sector"),
    ("/useful_for_sectors", "useful_for"),
    ("/information_classes", "information_class"),
    ("/event_types", "event_type"),
    ("/cause_types", "cause_type"),
    ("/sub_cause", "sub_cause"),
    ("/malicious", "malicious"),
    ("/severity/level", "severity"),
    ("/impact/ripple_to", "ripple_to"),
    ("/impact/affected_band", "affected_band"),
    ("/impact/service_level_deviation", "service_level_deviation"),
    ("/worked_in_sectors", "worked_in"),
    ("/prevents_causes", "prevents"),
    ("/advisory/type", "advisory_type"),
    ("/advisory/urgency", "urgency"),
    ("/advisory/targets/sectors", "target_sector"),
];

/// Names of the marks that can be filtered and counted by.
pub const MARKS: &[&str] = &[
    "kind",
    "stage",
    "sector",
    "useful_for",
    "information_class",
    "event_type",
    "cause_type",
    "sub_cause",
    "malicious",
    "severity",
    "ripple",
    "ripple_to",
    "affected_band",
    "service_level_deviation",
    "worked_in",
    "prevents",
    "advisory_type",
    "urgency",
    "target_sector",
    "asset_class",
    "product",
    "indicator_type",
];

impl Document {
    /// Reads a report, as it is served.
    #[must_use]
    pub fn of(report: &Value) -> Self {
        let mut document = Self::default();
        document.collect(report, &mut String::new());
        document.bound();
        for (pointer, name) in CODES {
            for code in codes(report.pointer(pointer)) {
                document.marks.insert(mark(name, &code));
            }
        }
        for (pointer, name) in [
            ("/advisory/targets/asset_classes", "asset_class"),
            ("/advisory/targets/products", "product"),
        ] {
            for word in codes(report.pointer(pointer)) {
                document.marks.insert(mark(name, &word));
            }
        }
        let indicators = report.pointer("/indicators").and_then(Value::as_array);
        for indicator in indicators.into_iter().flatten() {
            for kind in codes(indicator.get("type")) {
                document.marks.insert(mark("indicator_type", &kind));
            }
        }
        let ripples = document
            .marks
            .iter()
            .any(|mark| mark.starts_with("ripple_to:"));
        document
            .marks
            .insert(mark("ripple", if ripples { "true" } else { "false" }));
        let minutes = report.pointer("/impact/duration_minutes");
        document.duration_minutes = minutes.and_then(Value::as_u64);
        let stated = |name: &str| report.pointer(name).and_then(Value::as_str);
        document.level = stated("/handling/level")
            .map(|level| format!("{}/{level}", stated("/handling/scheme").unwrap_or_default()));
        document
    }

    /// Whether the report states this level, `SCHEME/LEVEL` or `LEVEL` alone.
    #[must_use]
    pub fn states(&self, wanted: &str) -> bool {
        self.level.as_deref().is_some_and(|stated| {
            let plain = stated.split_once('/').map(|(_, level)| level);
            stated == wanted || plain == Some(wanted)
        })
    }

    /// The same from the report's text; nothing where it is no JSON, as when it was erased.
    #[must_use]
    pub fn read(report: &str) -> Self {
        serde_json::from_str(report).map_or_else(|_| Self::default(), |value| Self::of(&value))
    }

    /// What is counted and filtered by, as JSON: everything but the texts.
    #[must_use]
    pub fn facts(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A report without its texts, from its facts; nothing where these are none.
    #[must_use]
    pub fn of_facts(facts: &str) -> Option<Self> {
        serde_json::from_str(facts).ok()
    }

    fn collect(&mut self, value: &Value, pointer: &mut String) {
        match value {
            Value::String(text) => {
                if let Some(weight) = weight(pointer) {
                    self.fields.push(Field {
                        pointer: pointer.clone(),
                        text: text.clone(),
                        weight,
                    });
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.deeper(item, pointer, &at.to_string());
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    if !NOT_SEARCHED.contains(&name.as_str()) {
                        self.deeper(member, pointer, name);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Leaves out what is beyond [`SEARCHED_MAX`].
    fn bound(&mut self) {
        let lengths = self.fields.iter().map(|field| field.text.chars().count());
        if lengths.sum::<usize>() <= SEARCHED_MAX {
            return;
        }
        self.fields
            .sort_by_key(|field| std::cmp::Reverse(field.weight));
        let mut left = SEARCHED_MAX;
        for field in &mut self.fields {
            if let Some((end, _)) = field.text.char_indices().nth(left) {
                field.text.truncate(end);
            }
            left -= field.text.chars().count();
        }
        self.fields.retain(|field| !field.text.is_empty());
    }

    fn deeper(&mut self, value: &Value, pointer: &mut String, name: &str) {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(name);
        self.collect(value, pointer);
        pointer.truncate(length);
    }

    /// The values of the marks of one name.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = format!("{name}:");
        let named = self.marks.range(prefix.clone()..);
        named.map_while(move |mark| mark.strip_prefix(&prefix))
    }
}

/// A mark.
#[must_use]
pub fn mark(name: &str, value: &str) -> String {
    format!("{name}:{value}")
}

/// The codes of a member: strings, numbers and booleans, one or a list.
fn codes(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Number(number)) => vec![number.to_string()],
        Some(Value::Bool(flag)) => vec![flag.to_string()],
        Some(Value::Array(items)) => items.iter().flat_map(|item| codes(Some(item))).collect(),
        Some(Value::Object(_) | Value::Null) | None => Vec::new(),
    }
}

/// How much a word counts at a place; nothing for codes.
fn weight(pointer: &str) -> Option<u64> {
    let coded = CODES.iter().any(|(place, _)| {
        pointer
            .strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if coded || pointer.starts_with("/indicators/") && pointer.ends_with("/type") {
        return None;
    }
    let top = pointer.split('/').nth(1).unwrap_or_default();
    Some(match top {
        "title" => 12,
        "reference" => 8,
        "summary" | "lesson" | "practice" => 5,
        "root_cause" | "indicators" => 4,
        "narrative" | "best_practices" | "contributing_factors" | "countermeasures" => 3,
        _ => 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_have_places_and_codes_are_marks() {
        let document = Document::of(&json!({
            "kind": "incident_cause", "sector": "finance", "title": {"ja": "障害"},
            "cause_types": ["mass_access"], "severity": {"level": 2, "basis": "own"},
            "impact": {"duration_minutes": 5, "ripple_to": ["credit"]},
            "handling": {"level": "会員限"}, "must_anonymise": [{"text": "銀行"}],
            "indicators": [{"type": "ipv4", "value": "198.51.100.7"}],
        }));
        let places: Vec<&str> = document.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(
            places,
            ["/title/ja", "/severity/basis", "/indicators/0/value"]
        );
        for mark in [
            "kind:incident_cause",
            "sector:finance",
            "cause_type:mass_access",
            "severity:2",
            "ripple:true",
            "ripple_to:credit",
            "indicator_type:ipv4",
        ] {
            assert!(document.marks.contains(mark), "{mark}");
        }
        assert_eq!(document.duration_minutes, Some(5));
        assert_eq!(Document::read(""), Document::default());
        let facts = Document::of_facts(&document.facts()).unwrap();
        assert!(facts.fields.is_empty() && facts.marks == document.marks);
        assert_eq!(
            (facts.duration_minutes, &facts.level),
            (Some(5), &document.level)
        );
        assert!(facts.level.is_some());
    }

    #[test]
    fn of_a_very_long_report_the_weightiest_places_are_searched() {
        let document = Document::of(&json!({
            "narrative": {"ja": "長".repeat(50_000)}, "summary": {"ja": "概要"}, "title": {"ja": "題"},
        }));
        let lengths: Vec<usize> = document
            .fields
            .iter()
            .map(|f| f.text.chars().count())
            .collect();
        assert_eq!(lengths, [1, 2, 44_997]);
    }
}
