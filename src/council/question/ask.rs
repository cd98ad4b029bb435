//! Answers one question, by the same resolution and the same decision as the gate.
//!
//! A question about a scheme, a column or the members of a CEPTOAR is about several sources or
//! readers; it is answered only where all of them come out alike, and else shows one that differs.
//! The source's own desk is left aside: it always reads what it sent.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Expected, Onward, Question, Way, Who};
use crate::council::body::role;
use crate::council::resolve::Narrowing;
use crate::council::{
    BodyKind, Directory, Localised, Origin, Principal, PrincipalKind, Resolved, TaxiiProfile,
    resolve_level,
};
use crate::handling::{
    ApprovalMode, BodyId, Channel, Decision, Denial, Form, Level, Passing, PrincipalId, Reader,
    Scheme, Unmarked, decide,
};

/// One source and one reader, answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Whose item.
    pub source: BodyId,
    /// Whose eyes: a principal, or a role in a body.
    pub reader: String,
    /// The answer.
    pub answer: Expected,
    /// Why: the dimension and whose clause.
    pub reason: String,
    /// Whose consent it takes before it leaves its CEPTOAR, as the level writes it.
    pub consent: BTreeSet<String>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As expected.
    Right,
    /// Otherwise.
    Wrong,
    /// There is nobody to ask about: no body in the column, no member operator.
    Empty,
}

/// A question with its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// On which line of the file it starts.
    pub line: usize,
    /// In words.
    pub ask: String,
    /// What was expected.
    pub expect: Expected,
    /// Whose consent was expected, where that was asked.
    pub expect_consent: Option<BTreeSet<String>>,
    /// Whether it came out so.
    pub verdict: Verdict,
    /// The case that tells: the first that differs, else the first.
    pub case: Option<Case>,
    /// How many cases were looked at.
    pub cases: usize,
}

/// Answers a question.
#[must_use]
pub fn ask(question: &Question, directory: &Directory) -> Answer {
    let mut cases = Vec::new();
    for source in &question.sources {
        let Some(asked) = Asked::new(question, directory, source) else {
            continue;
        };
        for (name, reader) in readers(question, directory, &asked.origin.ceptoar) {
            cases.push(asked.case(question, name, &reader));
        }
    }
    let differs = |case: &&Case| {
        let expected = question.consent.as_ref();
        case.answer != question.expect || expected.is_some_and(|who| *who != case.consent)
    };
    let wrong = cases.iter().find(differs).cloned();
    let verdict = match &wrong {
        Some(_) => Verdict::Wrong,
        None if cases.is_empty() => Verdict::Empty,
        None => Verdict::Right,
    };
    Answer {
        line: question.line,
        ask: question.ask.clone(),
        expect: question.expect,
        expect_consent: question.consent.clone(),
        verdict,
        cases: cases.len(),
        case: wrong.or_else(|| cases.into_iter().next()),
    }
}

/// Everyone the question is about, seen from one source, by name.
fn readers(question: &Question, directory: &Directory, own: &BodyId) -> Vec<(String, Reader)> {
    let at = question.at;
    match &question.reader {
        Who::Anybody => vec![("anybody".to_owned(), Reader::anybody())],
        Who::Principal(id) => directory
            .principal(id)
            .and_then(|principal| directory.reader(principal, at))
            .map(|reader| (id.to_string(), reader))
            .into_iter()
            .collect(),
        Who::Role(body, role) => in_role(directory, body, role, at),
        Who::Column(column, role) => directory
            .bodies()
            .filter(|body| directory.column(body, own, at.date_naive()) == Some(*column))
            .flat_map(|body| in_role(directory, &body.id, role, at))
            .collect(),
    }
}

/// A holder of a role in a body; a member of a CEPTOAR is somebody in one of its operators.
fn in_role(
    directory: &Directory,
    body: &BodyId,
    held: &str,
    at: DateTime<Utc>,
) -> Vec<(String, Reader)> {
    let is_operator = directory
        .body(body)
        .is_some_and(|body| body.kind == BodyKind::Operator);
    let bodies: Vec<BodyId> = if held == role::MEMBER && !is_operator {
        directory
            .bodies()
            .filter(|operator| operator.ceptoars.contains(body))
            .map(|operator| operator.id.clone())
            .collect()
    } else {
        vec![body.clone()]
    };
    bodies
        .into_iter()
        .filter_map(|body| {
            let somebody = Principal {
                // No name that a source could have named: it holds spaces.
                id: PrincipalId::from(format!("a {held} of {body}")),
                kind: PrincipalKind::Person,
                body,
                name: Localised::default(),
                roles: BTreeSet::from([held.to_owned()]),
                taxii: TaxiiProfile::Standard,
            };
            let reader = directory.reader(&somebody, at)?;
            Some((somebody.id.to_string(), reader))
        })
        .collect()
}

/// One source's item, resolved.
struct Asked<'a> {
    origin: Origin,
    scheme: &'a Scheme,
    level: &'a Level,
    resolved: Resolved,
}

impl<'a> Asked<'a> {
    fn new(question: &Question, directory: &'a Directory, source: &BodyId) -> Option<Self> {
        let day = question.at.date_naive();
        let body = directory.body(source)?;
        let scheme = directory.scheme_of(source, day)?;
        let name = question.level.as_ref().unwrap_or(&scheme.default_level);
        let level = scheme.level(name)?;
        let sectors = question
            .sectors
            .clone()
            .unwrap_or_else(|| directory.sectors_of(body, day));
        let origin = Origin {
            ceptoar: directory.ceptoar_of(body).clone(),
            submitter: body.id.clone(),
            operator: (body.kind == BodyKind::Operator).then(|| body.id.clone()),
            sectors,
        };
        let narrowing = Narrowing {
            named: question.named.clone(),
            ..Narrowing::default()
        };
        let version = (scheme.id.as_str(), scheme.version);
        let resolved = resolve_level(directory, version, level, &origin, &narrowing, question.at);
        Some(Self {
            origin,
            scheme,
            level,
            resolved,
        })
    }

    fn case(&self, question: &Question, reader_name: String, reader: &Reader) -> Case {
        let (answer, reason) = self.answer(question, reader);
        Case {
            source: self.origin.submitter.clone(),
            reader: reader_name,
            answer,
            reason,
            consent: self.consent(),
        }
    }

    fn answer(&self, question: &Question, reader: &Reader) -> (Expected, String) {
        if let Some(conflict) = self.resolved.conflicts.first() {
            let reason = format!("the rules that apply conflict: {conflict}");
            return (Expected::Hold, reason);
        }
        if question.level.is_none() && self.scheme.unmarked == Unmarked::Hold {
            let reason = format!(
                "no level is stated: {} holds it until the point of contact confirms `{}`",
                self.scheme.id, self.level.level
            );
            return (Expected::Hold, reason);
        }
        let rule = &self.resolved.rule;
        let by = |channel| decide(&rule.access, reader, channel, question.at);
        let decision = match question.channel {
            Some(Way::Console) => by(Channel::Console),
            Some(Way::Rest) => by(Channel::Rest),
            Some(Way::Taxii) | None => by(Channel::Taxii),
        };
        let form = match decision {
            Decision::Pass { form, .. } => form,
            Decision::Deny(denial) => {
                let looks = by(Channel::Console).form().is_some();
                let any_way = question.channel.is_none() && question.onward.is_none();
                let answer = if looks && any_way {
                    Expected::ViewOnly
                } else {
                    Expected::Deny
                };
                return (answer, self.denied(reader, denial));
            }
        };
        if let Some(purpose) = &question.purpose
            && !rule.serves(purpose)
        {
            let dimension = if rule.purposes_prohibited.contains(purpose) {
                "purposes_prohibited"
            } else {
                "purposes_allowed"
            };
            let clause = self.clause(dimension);
            let reason = format!("{dimension}: `{purpose}` is not served ({clause})");
            return (Expected::Deny, reason);
        }
        if let Some(onward) = question.onward {
            let (passing, who) = match onward {
                Onward::Group => (rule.onward.group, "group"),
                Onward::Vendor => (rule.onward.vendor, "vendor"),
                Onward::Client => (rule.onward.client, "client"),
                Onward::Overseas => (rule.onward.overseas, "overseas"),
            };
            let answer = match passing {
                Passing::Allow => Expected::Allow,
                Passing::Nda => Expected::Nda,
                Passing::Approval => Expected::Approval,
                Passing::Deny => Expected::Deny,
            };
            return (answer, format!("onward.{who} ({})", self.clause("onward")));
        }
        let answer = match form {
            Form::Identified => Expected::Identified,
            Form::Anonymised => Expected::Anonymised,
            Form::None => Expected::Deny,
        };
        (answer, self.granted(reader, question.at))
    }

    /// Which body's grant let the reader in.
    fn granted(&self, reader: &Reader, at: DateTime<Utc>) -> String {
        let access = &self.resolved.rule.access;
        let lets_in = |place: &&crate::handling::Place| {
            let alone = Reader {
                places: vec![(*place).clone()],
                ..reader.clone()
            };
            let alone = decide(access, &alone, Channel::Console, at).form();
            alone.is_some() && alone == decide(access, reader, Channel::Console, at).form()
        };
        let place = reader.places.iter().find(lets_in);
        place.map_or_else(String::new, |place| {
            let grant = access.audience.get(&place.body);
            let dimension = format!("audience.{}", place.body);
            format!(
                "{dimension}: {}, {} ({})",
                grant.depth().word(),
                grant.form().word(),
                self.clause(&dimension)
            )
        })
    }

    fn denied(&self, reader: &Reader, denial: Denial) -> String {
        let dimension = match denial {
            Denial::NotNamed => "named".to_owned(),
            Denial::NotYet => "not_before".to_owned(),
            Denial::Expired => "not_after".to_owned(),
            Denial::NotClear => "tlp".to_owned(),
            Denial::ViewOnly => "view_only".to_owned(),
            Denial::StorageAbroad => "storage_jp_only".to_owned(),
            Denial::RetentionTooShort => "retention_min_days".to_owned(),
            Denial::NoNeedToKnow => "need_to_know".to_owned(),
            Denial::BodyNotGranted | Denial::BeyondDepth => match reader.places.first() {
                Some(place) => format!("audience.{}", place.body),
                None => return format!("{denial}; this role has no place in any audience"),
            },
        };
        format!("{denial} ({})", self.clause(&dimension))
    }

    /// Whose clause decided a dimension. A body that no clause speaks of is left out by the level.
    fn clause(&self, dimension: &str) -> String {
        let clauses = self.resolved.clauses.iter();
        let found = clauses.clone().find(|clause| clause.dimension == dimension);
        found.map_or_else(
            || {
                format!(
                    "{}: {} v{} {}",
                    self.origin.ceptoar, self.scheme.id, self.scheme.version, self.level.level
                )
            },
            |clause| clause.decided_by.join("; "),
        )
    }

    /// As the level writes it, so that one expectation fits every source of the scheme; nobody
    /// where nothing leaves the CEPTOAR.
    fn consent(&self) -> BTreeSet<String> {
        let audience = &self.resolved.rule.access.audience;
        let leaves = audience
            .iter()
            .any(|(body, grant)| *body != self.origin.ceptoar && !grant.is_none());
        self.level
            .approvals
            .iter()
            .filter(|(_, mode)| leaves && **mode != ApprovalMode::None)
            .map(|(who, _)| who.to_string())
            .collect()
    }
}
