//! What a reader may say of something received: its kinds, and what each needs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::exchange::refusal::{Fault, Refusal};

/// Longest text, in characters: two pages, as a report's own fields.
pub(super) const TEXT_MAX: usize = 4000;

/// The largest count of a sighting, as STIX 2.1 section 5.2 bounds it.
const COUNT_MAX: u32 = 999_999_999;

/// What a reader may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// It reached a person.
    Ack,
    /// The same weakness is here.
    Applicable,
    /// It is not.
    NotApplicable,
    /// It is being looked into, until a date.
    UnderStudy,
    /// Seen here too.
    Sighting,
    /// What was done.
    ActionTaken,
    /// It was kept from happening here.
    Prevented,
    /// To the source, which is not named.
    Question,
    /// How useful it was, 1 to 5.
    Usefulness,
    /// It is wrong, or tells who somebody is.
    Correction,
    /// A wish to pass it wider.
    ScopeRequest,
    /// A rule was broken.
    BreachReport,
}

impl FeedbackKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Ack,
        Self::Applicable,
        Self::NotApplicable,
        Self::UnderStudy,
        Self::Sighting,
        Self::ActionTaken,
        Self::Prevented,
        Self::Question,
        Self::Usefulness,
        Self::Correction,
        Self::ScopeRequest,
        Self::BreachReport,
    ];

    /// The word used in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Applicable => "applicable",
            Self::NotApplicable => "not_applicable",
            Self::UnderStudy => "under_study",
            Self::Sighting => "sighting",
            Self::ActionTaken => "action_taken",
            Self::Prevented => "prevented",
            Self::Question => "question",
            Self::Usefulness => "usefulness",
            Self::Correction => "correction",
            Self::ScopeRequest => "scope_request",
            Self::BreachReport => "breach_report",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it says nothing without words.
    const fn needs_text(self) -> bool {
        matches!(
            self,
            Self::Question | Self::Correction | Self::ScopeRequest | Self::BreachReport
        )
    }

    /// Whether the source is asked to do something about it, and so is told at once.
    pub(super) const fn asks(self) -> bool {
        self.needs_text()
    }
}

/// What a reader says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// Of what kind it is.
    #[serde(rename = "type")]
    pub kind: FeedbackKind,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Until when it will be done or known: of `applicable` and `under_study`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<DateTime<Utc>>,
    /// 1 (of no use) to 5: of `usefulness`, which needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usefulness: Option<u8>,
    /// When it was seen first: of `sighting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<DateTime<Utc>>,
    /// When it was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<DateTime<Utc>>,
    /// How often it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl Feedback {
    /// Feedback of a kind, in words.
    #[must_use]
    pub fn new(kind: FeedbackKind, text: Option<String>) -> Self {
        Self {
            kind,
            text,
            due: None,
            usefulness: None,
            first_seen: None,
            last_seen: None,
            count: None,
        }
    }

    /// Checks what the kind asks for and what has no place in it.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, message: String| {
            faults.push(Fault::at(pointer, "feedback", message));
        };
        let kind = self.kind.word();
        match self.text.as_deref().map(str::trim) {
            None if self.kind.needs_text() => fault("/text", format!("`{kind}` needs a `text`")),
            Some("") => fault("/text", "`text` is empty".to_owned()),
            Some(text) if text.chars().count() > TEXT_MAX => {
                fault("/text", format!("`text` has at most {TEXT_MAX} characters"));
            }
            _ => {}
        }
        let dated = matches!(
            self.kind,
            FeedbackKind::Applicable | FeedbackKind::UnderStudy
        );
        match self.due {
            Some(_) if !dated => fault("/due", format!("`{kind}` has no `due`")),
            Some(due) if due <= now => fault("/due", "`due` is over".to_owned()),
            _ => {}
        }
        match (self.kind == FeedbackKind::Usefulness, self.usefulness) {
            (true, Some(1..=5)) | (false, None) => {}
            (true, _) => fault("/usefulness", "`usefulness` is 1 to 5".to_owned()),
            (false, Some(_)) => fault("/usefulness", format!("`{kind}` has no `usefulness`")),
        }
        let seen = self.first_seen.is_some() || self.last_seen.is_some() || self.count.is_some();
        if seen && self.kind != FeedbackKind::Sighting {
            fault("", format!("`{kind}` was not seen: that is a `sighting`"));
        }
        if let (Some(first), Some(last)) = (self.first_seen, self.last_seen)
            && last < first
        {
            fault(
                "/last_seen",
                "`last_seen` is before `first_seen`".to_owned(),
            );
        }
        if self.count.is_some_and(|count| count > COUNT_MAX) {
            fault("/count", format!("`count` is at most {COUNT_MAX}"));
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Refusal::Invalid(faults))
    }
}
