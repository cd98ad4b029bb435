//! Scenario questions a CEPTOAR writes about its own rules, in a small TOML format: "may a
//! maintenance vendor of S3 read 丙?", with the answer it expects. `sekisho policy test` asks them all
//! after each change of the council file.
//!
//! This file reads the format and checks every name in it against the council; [`ask`] answers.

mod ask;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use ask::{Answer, Case, Verdict, ask};

use super::file::Fault;
use super::{Directory, body::role};
use crate::handling::{BodyId, Column, PrincipalId, SectorCode};

/// The most questions in one file: what a person can still have written.
pub const QUESTIONS_MAX: usize = 10_000;

/// By which way the reader would get the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Looked at on the hub's own pages.
    Console,
    /// Handed over by the REST API.
    Rest,
    /// Handed over by TAXII.
    Taxii,
}

/// To whom the reader would pass it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Onward {
    /// A company of the same group.
    Group,
    /// A contractor or vendor.
    Vendor,
    /// A client of the reader.
    Client,
    /// Anyone outside Japan.
    Overseas,
}

/// What may be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Nothing: not this reader, not by this way, not for this purpose, not to this third party.
    Deny,
    /// It waits for its point of contact, inside the CEPTOAR too.
    Hold,
    /// To look at, not to take.
    ViewOnly,
    /// As submitted.
    Identified,
    /// Anonymised.
    Anonymised,
    /// To be passed on freely.
    Allow,
    /// To be passed on under a non-disclosure agreement.
    Nda,
    /// To be passed on with the source's approval.
    Approval,
}

impl Expected {
    /// The word used in questions and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Hold => "hold",
            Self::ViewOnly => "view_only",
            Self::Identified => "identified",
            Self::Anonymised => "anonymised",
            Self::Allow => "allow",
            Self::Nda => "nda",
            Self::Approval => "approval",
        }
    }
}

/// Who would read, by names the council knows; checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// One person or service of the directory.
    Principal(PrincipalId),
    /// Whoever holds a role in a body.
    Role(BodyId, String),
    /// Whoever holds a role in any body of a column, seen from the source.
    Column(Column, String),
    /// Whoever reads without logging in.
    Anybody,
}

/// One question; every name in it is one of the council's.
#[derive(Clone, Debug)]
pub struct Question {
    /// On which line of the file it starts.
    pub line: usize,
    /// In words.
    pub ask: String,
    /// Each body it may come from: one body, or every body that uses the scheme.
    pub sources: Vec<BodyId>,
    /// The level; `None` is an item that states none.
    pub level: Option<String>,
    /// Who would read it.
    pub reader: Who,
    /// The item's own sector and those it is useful for; `None` is the source's own.
    pub sectors: Option<BTreeSet<SectorCode>>,
    /// Only these persons, where the source names any.
    pub named: Option<BTreeSet<PrincipalId>>,
    /// By which way; `None` is any.
    pub channel: Option<Way>,
    /// Whether it may be passed on.
    pub onward: Option<Onward>,
    /// Whether it may serve this.
    pub purpose: Option<String>,
    /// As of when.
    pub at: DateTime<Utc>,
    /// Whose consent it takes to leave its CEPTOAR, where that is asked too.
    pub consent: Option<BTreeSet<String>>,
    /// What the CEPTOAR expects.
    pub expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    question: Vec<Spanned<RawQuestion>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuestion {
    ask: String,
    source: Spanned<String>,
    #[serde(default)]
    level: Option<Spanned<String>>,
    reader: Spanned<RawReader>,
    #[serde(default)]
    sectors: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    named: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    channel: Option<Way>,
    #[serde(default)]
    onward: Option<Onward>,
    #[serde(default)]
    purpose: Option<Spanned<String>>,
    #[serde(default)]
    at: Option<Spanned<String>>,
    #[serde(default)]
    consent: Option<Vec<Spanned<String>>>,
    expect: Spanned<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReader {
    #[serde(default)]
    principal: Option<Spanned<String>>,
    #[serde(default)]
    body: Option<Spanned<String>>,
    #[serde(default)]
    column: Option<Column>,
    #[serde(default)]
    role: Option<Spanned<String>>,
    #[serde(default)]
    anybody: bool,
}

/// Reads a file of questions. A question without `at` is asked as of `now`.
///
/// # Errors
/// Every name the council does not know, each with its line; for text that is not the format at all,
/// the first fault.
pub fn parse(
    text: &str,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Result<Vec<Question>, Vec<Fault>> {
    let lines = Lines(text);
    let raw: RawFile = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        vec![lines.fault(start, error.message())]
    })?;
    let mut check = Check {
        directory,
        lines,
        now,
        faults: Vec::new(),
    };
    if raw.question.is_empty() {
        check.fault(0, "there is no [[question]]");
    }
    if raw.question.len() > QUESTIONS_MAX {
        check.fault(0, format!("there are more than {QUESTIONS_MAX} questions"));
    }
    let questions: Vec<Question> = raw
        .question
        .into_iter()
        .filter_map(|raw| check.question(raw))
        .collect();
    if check.faults.is_empty() {
        Ok(questions)
    } else {
        Err(check.faults)
    }
}

#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// The line of a byte, the first being 1.
    fn line(self, byte: usize) -> usize {
        let before = self.0.get(..byte).unwrap_or(self.0);
        before.matches('\n').count() + 1
    }

    fn fault(self, byte: usize, message: impl Into<String>) -> Fault {
        Fault {
            place: format!("line {}", self.line(byte)),
            message: message.into(),
        }
    }
}

struct Check<'a> {
    directory: &'a Directory,
    lines: Lines<'a>,
    now: DateTime<Utc>,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, byte: usize, message: impl Into<String>) {
        self.faults.push(self.lines.fault(byte, message));
    }

    fn question(&mut self, raw: Spanned<RawQuestion>) -> Option<Question> {
        let line = self.lines.line(raw.span().start);
        let known = self.faults.len();
        let start = raw.span().start;
        let raw = raw.into_inner();
        let at = self.at(raw.at.as_ref());
        let sources = self.sources(&raw.source);
        self.level(&raw, &sources, at);
        let reader = self.reader(&raw.reader);
        let sectors = self.names(raw.sectors.as_deref(), "sector", |directory, name| {
            directory.sector(&SectorCode::from(name)).is_some()
        });
        let named = self.names(raw.named.as_deref(), "principal", |directory, name| {
            directory.principal(&PrincipalId::from(name)).is_some()
        });
        let consent = self.consent(raw.consent.as_deref(), &sources);
        if let Some(purpose) = &raw.purpose
            && !self.purposes().contains(purpose.get_ref().as_str())
        {
            let message = format!(
                "no level and no charter speaks of purpose `{}`",
                purpose.get_ref()
            );
            self.fault(purpose.span().start, message);
        }
        let passing = matches!(
            raw.expect.get_ref(),
            Expected::Allow | Expected::Nda | Expected::Approval
        );
        if passing && raw.onward.is_none() {
            self.fault(
                raw.expect.span().start,
                "`allow`, `nda` and `approval` answer whether it may be passed on: say `onward`",
            );
        }
        if raw.ask.trim().is_empty() {
            self.fault(start, "a question says in `ask` what it asks");
        }
        let reader = reader?;
        (self.faults.len() == known).then(|| Question {
            line,
            ask: raw.ask,
            sources,
            level: raw.level.map(Spanned::into_inner),
            reader,
            sectors: sectors.map(|all| all.into_iter().map(SectorCode::from).collect()),
            named: named.map(|all| all.into_iter().map(PrincipalId::from).collect()),
            channel: raw.channel,
            onward: raw.onward,
            purpose: raw.purpose.map(Spanned::into_inner),
            at,
            consent,
            expect: raw.expect.into_inner(),
        })
    }

    fn at(&mut self, at: Option<&Spanned<String>>) -> DateTime<Utc> {
        let Some(at) = at else { return self.now };
        let text = at.get_ref();
        let day = |day: NaiveDate| Utc.from_utc_datetime(&day.and_time(NaiveTime::MIN));
        if let Ok(at) = text.parse::<NaiveDate>() {
            return day(at);
        }
        if let Ok(at) = text.parse::<DateTime<Utc>>() {
            return at;
        }
        self.fault(
            at.span().start,
            format!("`{text}` is neither a day nor an instant"),
        );
        self.now
    }

    fn sources(&mut self, source: &Spanned<String>) -> Vec<BodyId> {
        let name = source.get_ref();
        let id = BodyId::from(name.as_str());
        if self.directory.body(&id).is_some() {
            return vec![id];
        }
        let of_scheme: Vec<BodyId> = self
            .directory
            .bodies()
            .filter(|body| body.scheme.as_deref() == Some(name))
            .map(|body| body.id.clone())
            .collect();
        if of_scheme.is_empty() {
            self.fault(
                source.span().start,
                format!("`{name}` is neither a body nor a scheme that a body uses"),
            );
        }
        of_scheme
    }

    fn level(&mut self, raw: &RawQuestion, sources: &[BodyId], at: DateTime<Utc>) {
        for id in sources {
            let Some(scheme) = self.directory.scheme_of(id, at.date_naive()) else {
                self.fault(
                    raw.source.span().start,
                    format!("`{id}` has no scheme in force on {}", at.date_naive()),
                );
                return;
            };
            if let Some(level) = &raw.level
                && scheme.level(level.get_ref()).is_none()
            {
                let has: Vec<&str> = scheme.levels.iter().map(|l| l.level.as_str()).collect();
                let message = format!(
                    "`{}` is no level of {} version {}; it has {}",
                    level.get_ref(),
                    scheme.id,
                    scheme.version,
                    has.join(", ")
                );
                self.fault(level.span().start, message);
                return;
            }
        }
    }

    fn reader(&mut self, raw: &Spanned<RawReader>) -> Option<Who> {
        let start = raw.span().start;
        let raw = raw.get_ref();
        match (
            &raw.principal,
            &raw.body,
            raw.column,
            &raw.role,
            raw.anybody,
        ) {
            (Some(principal), None, None, None, false) => {
                let id = PrincipalId::from(principal.get_ref().as_str());
                if self.directory.principal(&id).is_none() {
                    self.fault(
                        principal.span().start,
                        format!("`{id}` is no principal of the council"),
                    );
                }
                Some(Who::Principal(id))
            }
            (None, Some(body), None, Some(role), false) => {
                let id = BodyId::from(body.get_ref().as_str());
                if self.directory.body(&id).is_none() {
                    self.fault(
                        body.span().start,
                        format!("`{id}` is no body of the council"),
                    );
                }
                self.role(role);
                Some(Who::Role(id, role.get_ref().clone()))
            }
            (None, None, Some(column), Some(role), false) => {
                self.role(role);
                Some(Who::Column(column, role.get_ref().clone()))
            }
            (None, None, None, None, true) => Some(Who::Anybody),
            _ => {
                self.fault(
                    start,
                    "a reader is `principal`, or `body` and `role`, or `column` and `role`, or `anybody = true`",
                );
                None
            }
        }
    }

    fn role(&mut self, role: &Spanned<String>) {
        let name = role.get_ref();
        let held = || self.directory.principals().any(|one| one.has(name));
        if !role::KNOWN.contains(&name.as_str()) && !held() {
            self.fault(
                role.span().start,
                format!("`{name}` is no role of the hub, and nobody holds it"),
            );
        }
    }

    fn names(
        &mut self,
        names: Option<&[Spanned<String>]>,
        what: &str,
        known: impl Fn(&Directory, &str) -> bool,
    ) -> Option<Vec<String>> {
        let names = names?;
        for name in names {
            if !known(self.directory, name.get_ref()) {
                self.fault(
                    name.span().start,
                    format!("`{}` is no {what} of the council", name.get_ref()),
                );
            }
        }
        Some(names.iter().map(|name| name.get_ref().clone()).collect())
    }

    /// Approvers as a level writes them: `source`, `S1.poc`, or a body's role.
    fn consent(
        &mut self,
        names: Option<&[Spanned<String>]>,
        sources: &[BodyId],
    ) -> Option<BTreeSet<String>> {
        let names = names?;
        for name in names {
            let who = name.get_ref();
            // A source that is not known is one fault, and not one for each of its approvers.
            let known = who == role::SOURCE
                || sources.is_empty()
                || who.rsplit_once('.').is_some_and(|(body, _)| {
                    let uses = |id: &BodyId| {
                        let body_of = self.directory.body(id);
                        body_of.is_some_and(|one| one.scheme.as_deref() == Some(body))
                    };
                    self.directory.body(&BodyId::from(body)).is_some() || sources.iter().any(uses)
                });
            if !known {
                self.fault(
                    name.span().start,
                    format!("`{who}` is neither `source` nor a role of a body or of the scheme"),
                );
            }
        }
        Some(names.iter().map(|name| name.get_ref().clone()).collect())
    }

    fn purposes(&self) -> BTreeSet<String> {
        let file = self.directory.file();
        let levels = file.schemes.iter().flat_map(|scheme| &scheme.levels);
        let mut all: BTreeSet<String> = levels
            .flat_map(|level| {
                level
                    .purposes_allowed
                    .iter()
                    .chain(&level.purposes_prohibited)
            })
            .cloned()
            .collect();
        let charter = file.charter.rule();
        all.extend(charter.purposes_prohibited);
        all.extend(charter.purposes_allowed.into_iter().flatten());
        // What the hub itself uses items for is always a purpose one may ask about.
        all.extend(["newsletter", "statistics"].map(str::to_owned));
        all
    }
}
