//! A report as a source submits it (`incident_cause`, `best_practice` or `advisory`).
//!
//! `Report` wraps the submitted JSON once it has passed `schemas/report.schema.json` and the rules
//! a schema cannot state; it keeps the bytes exactly, because an identified reader gets them back
//! unchanged. The module does no input or output, reads no clock and knows no directory: whether a
//! sector, scheme or level exists is for the caller to say.

mod address;
pub mod anonymise;
mod check;
mod document;
pub mod drill;
mod encoding;
mod find;
mod fold;
pub mod identity_check;
mod name;
mod person;
mod plain_marks;
pub mod portion;
mod punycode;
#[cfg(test)]
pub(crate) mod sample;
mod scrub;
mod spelling;
#[cfg(test)]
mod tests;
mod ticket;
mod uuids;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The most faults one refusal lists.
pub const FAULTS_MAX: usize = 50;

/// One reason why a submission is not a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the member at fault; for a missing member, to where it belongs.
    pub pointer: String,
    /// Short code for programs, such as `report.required`.
    pub rule: String,
    /// Sentence for people; it names the member and the rule and quotes no free text.
    pub message: String,
}

/// The kinds of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What happened and why.
    IncidentCause,
    /// What worked, and under which conditions.
    BestPractice,
    /// What the national centre or an agency asks others to know or do.
    Advisory,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::IncidentCause, Self::BestPractice, Self::Advisory];

    /// Returns the code used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IncidentCause => "incident_cause",
            Self::BestPractice => "best_practice",
            Self::Advisory => "advisory",
        }
    }
}

/// The handling a source asks for; names are not yet resolved against any scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling<'a> {
    /// Names of the source's scheme and of a level in it; `None` where only a TLP colour is stated.
    pub level: Option<(&'a str, &'a str)>,
    /// TLP colour as written, with or without the `TLP:` prefix; it must agree with the level.
    pub tlp: Option<&'a str>,
    /// The sharing group it is limited to, by its UUID.
    pub sharing_group: Option<&'a str>,
    /// Principals the item is limited to; `None` means that the source names nobody in particular.
    pub named: Option<Vec<&'a str>>,
    /// Embargo: not to be released before.
    pub not_before: Option<DateTime<Utc>>,
    /// Expiry: not to be served after.
    pub not_after: Option<DateTime<Utc>>,
}

/// One string the source wants stripped from every rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MustAnonymise<'a> {
    /// The string itself, matched regardless of width and case.
    pub text: &'a str,
    /// The source's word for what it is (`org`, `amount`, `hostname`, …).
    pub kind: &'a str,
    /// What stands in its place in Japanese text.
    pub replace_ja: Option<&'a str>,
    /// What stands in its place in English text and in strings of no language.
    pub replace_en: Option<&'a str>,
}

/// A report that has passed every check.
#[derive(Debug, Clone)]
pub struct Report {
    bytes: Vec<u8>,
    value: Value,
    kind: Kind,
}

impl Report {
    /// Checks submitted bytes and keeps them exactly.
    ///
    /// # Errors
    /// Up to [`FAULTS_MAX`] faults; `report.json` where the bytes are no JSON at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let value = serde_json::from_slice(bytes).map_err(|error| {
            vec![Fault {
                pointer: String::new(),
                rule: "report.json".to_owned(),
                message: format!(
                    "not JSON at line {}, column {}",
                    error.line(),
                    error.column()
                ),
            }]
        })?;
        Self::with_bytes(bytes.to_vec(), value)
    }

    /// Checks a parsed report; its bytes are the compact serialisation of the value.
    ///
    /// # Errors
    /// Up to [`FAULTS_MAX`] faults.
    pub fn from_value(value: Value) -> Result<Self, Vec<Fault>> {
        let bytes = value.to_string().into_bytes();
        Self::with_bytes(bytes, value)
    }

    fn with_bytes(bytes: Vec<u8>, value: Value) -> Result<Self, Vec<Fault>> {
        let faults = check::faults(&value);
        if !faults.is_empty() {
            return Err(faults);
        }
        let kind = match value.get("kind").and_then(Value::as_str) {
            Some("best_practice") => Kind::BestPractice,
            Some("advisory") => Kind::Advisory,
            _ => Kind::IncidentCause,
        };
        Ok(Self { bytes, value, kind })
    }

    /// Returns the bytes as submitted.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the checked JSON.
    pub fn to_value(&self) -> &Value {
        &self.value
    }

    /// Returns which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the code under which it is kept: its kind's, and of a drill another one.
    pub fn stored_kind(&self) -> &'static str {
        if drill::is_drill(&self.value) {
            return drill::KIND;
        }
        self.kind.as_str()
    }

    /// Returns the code of the sector the report comes from; an advisory may come from none.
    pub fn sector(&self) -> Option<&str> {
        self.string("sector")
    }

    /// Returns the codes of other sectors the source thinks it useful for; of an advisory, those it
    /// is targeted at.
    pub fn useful_for_sectors(&self) -> Vec<&str> {
        let mut sectors = strings(self.value.get("useful_for_sectors")).unwrap_or_default();
        let targets = strings(self.value.pointer("/advisory/targets/sectors")).unwrap_or_default();
        for sector in targets {
            if !sectors.contains(&sector) {
                sectors.push(sector);
            }
        }
        sectors
    }

    /// Returns the CSAF document an advisory was read from, as it came.
    pub fn csaf(&self) -> Option<&str> {
        self.value.pointer("/advisory/csaf")?.as_str()
    }

    /// Returns the handling asked for; `None` means the default level of the source's scheme.
    pub fn handling(&self) -> Option<Handling<'_>> {
        let handling = self.value.get("handling")?;
        let text = |key| handling.get(key).and_then(Value::as_str);
        Some(Handling {
            level: text("scheme").zip(text("level")),
            tlp: text("tlp"),
            sharing_group: text("sharing_group"),
            named: strings(handling.get("named")),
            not_before: text("not_before").and_then(check::instant),
            not_after: text("not_after").and_then(check::instant),
        })
    }

    /// Returns the body id of the operator the report comes from.
    pub fn source_operator(&self) -> Option<&str> {
        self.string("source_operator")
    }

    /// Returns the source's own number for the matter.
    pub fn reference(&self) -> Option<&str> {
        self.string("reference")
    }

    /// Returns `first`, `follow_up` or `final`, the default.
    pub fn stage(&self) -> &str {
        self.string("stage").unwrap_or("final")
    }

    /// Returns the title in `ja` or `en`, or else in the language there is.
    pub fn title(&self, lang: &str) -> &str {
        let title = self.value.get("title");
        [lang, "ja", "en"]
            .iter()
            .find_map(|tag| {
                title
                    .and_then(|text| text.get(*tag))
                    .and_then(Value::as_str)
            })
            .unwrap_or_default()
    }

    /// Returns the strings to strip, in the source's order.
    pub fn must_anonymise(&self) -> Vec<MustAnonymise<'_>> {
        let entries = self.value.get("must_anonymise").and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let text = |key| entry.get(key).and_then(Value::as_str);
                Some(MustAnonymise {
                    text: text("text")?,
                    kind: text("type")?,
                    replace_ja: text("replace_ja"),
                    replace_en: text("replace_en"),
                })
            })
            .collect()
    }

    fn string(&self, key: &str) -> Option<&str> {
        self.value.get(key).and_then(Value::as_str)
    }
}

fn strings(list: Option<&Value>) -> Option<Vec<&str>> {
    Some(list?.as_array()?.iter().filter_map(Value::as_str).collect())
}
