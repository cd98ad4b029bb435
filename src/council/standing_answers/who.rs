//! Who could ever see an item of a level: every body with a grant, how deep, in what form, whether
//! it may take a copy, and with whose consent. By each version of the scheme in force now or later.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use serde::Serialize;

use super::{holders, plain, users};
use crate::council::combine::{CombineError, Term};
use crate::council::{BodyKind, Directory};
use crate::handling::{ApprovalMode, BodyId, Column, Conflict, Depth, Form, Rule, Tlp};

/// One source's level, in one version.
#[derive(Clone, Debug, Serialize)]
pub struct Who {
    /// Whose item.
    pub source: BodyId,
    /// The scheme.
    pub scheme: String,
    /// Its version.
    pub version: u32,
    /// From which day on.
    pub effective: NaiveDate,
    /// The level.
    pub level: String,
    /// How far.
    pub tlp: Tlp,
    /// Conflicts: with any, nobody sees it before they are resolved.
    pub conflicts: Vec<String>,
    /// Whose consent it takes to leave the CEPTOAR.
    pub consent: Vec<Asks>,
    /// Who reads.
    pub readers: Vec<Reads>,
    /// Bodies that stand in a column and get nothing.
    pub nobody_of: Vec<BodyId>,
    /// After how many days it becomes looser.
    pub downgrade_after_days: Option<u32>,
}

/// An approver.
#[derive(Clone, Debug, Serialize)]
pub struct Asks {
    /// `<body>.<role>`.
    pub approver: String,
    /// How the consent is given.
    pub mode: ApprovalMode,
    /// Who may give it, today.
    pub people: Vec<String>,
}

/// A body that reads.
#[derive(Clone, Debug, Serialize)]
pub struct Reads {
    /// The body; `anybody` is whoever reads without logging in.
    pub body: BodyId,
    /// As what it is addressed.
    pub column: Option<Column>,
    /// How deep.
    pub depth: Depth,
    /// In what form.
    pub form: Form,
    /// In words, which of its people.
    pub roles: Vec<&'static str>,
    /// Whether it waits for consent.
    pub with_consent: bool,
    /// Whether the body itself may only look, by what it has declared.
    pub view_only: bool,
    /// Member operators that may only look, by what they have declared.
    pub view_only_members: Vec<BodyId>,
}

/// Answers for `BODY:LEVEL`, or for each body of the scheme in `SCHEME:LEVEL`.
///
/// # Errors
/// When the term names nothing known.
pub fn who(
    directory: &Directory,
    term: &Term,
    at: DateTime<Utc>,
) -> Result<Vec<Who>, CombineError> {
    let body = BodyId::from(term.who.as_str());
    let sources: Vec<&BodyId> = match directory.body(&body) {
        Some(body) => vec![&body.id],
        None => users(directory, &term.who).collect(),
    };
    if sources.is_empty() {
        return Err(CombineError::Unknown(term.who.clone()));
    }
    let mut answers = Vec::new();
    for source in sources {
        let present = directory
            .scheme_of(source, at.date_naive())
            .ok_or_else(|| CombineError::NoScheme(source.to_string()))?;
        let to_come = directory
            .file()
            .schemes
            .iter()
            .filter(|one| one.id == present.id && one.effective > at.date_naive());
        let found = answers.len();
        for scheme in std::iter::once(present).chain(to_come) {
            let Some(level) = scheme.level(&term.level) else {
                continue;
            };
            let start = Utc.from_utc_datetime(&scheme.effective.and_time(NaiveTime::MIN));
            let on = at.max(start);
            if let Some((origin, resolved)) = plain(directory, source, scheme, level, on) {
                let rule = &resolved.rule;
                let leaves = rule
                    .access
                    .audience
                    .iter()
                    .any(|(body, grant)| *body != origin.ceptoar && !grant.is_none());
                let consent = consent(directory, rule, leaves);
                let (readers, nobody_of) =
                    readers(directory, rule, &origin.ceptoar, !consent.is_empty(), on);
                answers.push(Who {
                    source: source.clone(),
                    scheme: scheme.id.clone(),
                    version: scheme.version,
                    effective: scheme.effective,
                    level: level.level.clone(),
                    tlp: rule.access.tlp,
                    conflicts: resolved.conflicts.iter().map(Conflict::to_string).collect(),
                    consent,
                    readers,
                    nobody_of,
                    downgrade_after_days: rule.downgrade.days(),
                });
            }
        }
        if answers.len() == found {
            let levels = present.levels.iter().map(|one| format!("`{}`", one.level));
            return Err(CombineError::UnknownLevel {
                scheme: present.id.clone(),
                level: term.level.clone(),
                known: levels.collect::<Vec<_>>().join(", "),
            });
        }
    }
    Ok(answers)
}

fn consent(directory: &Directory, rule: &Rule, leaves: bool) -> Vec<Asks> {
    rule.approvals
        .iter()
        .filter(|(_, mode)| leaves && **mode != ApprovalMode::None)
        .map(|(approver, mode)| Asks {
            approver: approver.to_string(),
            mode: *mode,
            people: holders(directory, approver)
                .iter()
                .map(|one| one.id.to_string())
                .collect(),
        })
        .collect()
}

fn readers(
    directory: &Directory,
    rule: &Rule,
    own: &BodyId,
    asks: bool,
    at: DateTime<Utc>,
) -> (Vec<Reads>, Vec<BodyId>) {
    let access = &rule.access;
    let looks_only = |id: &BodyId| {
        let capability = directory.body(id).and_then(|body| body.capability);
        let capability = capability.unwrap_or_default();
        access.storage_jp_only && !capability.storage_jp
            || access.retention_min_days > capability.retention_min_days
    };
    let (mut readers, mut nobody_of) = (Vec::new(), Vec::new());
    for (id, grant) in access.audience.iter() {
        if grant.is_none() {
            nobody_of.push(id.clone());
            continue;
        }
        let with_members = grant.depth() < Depth::Analyst;
        let members = directory.bodies().filter(|body| {
            with_members && body.kind == BodyKind::Operator && body.ceptoars.contains(id)
        });
        readers.push(Reads {
            body: id.clone(),
            column: directory
                .body(id)
                .and_then(|body| directory.column(body, own, at.date_naive())),
            depth: grant.depth(),
            form: grant.form(),
            roles: roles(grant.depth()),
            with_consent: asks && id != own,
            view_only: looks_only(id),
            view_only_members: members
                .filter(|body| looks_only(&body.id))
                .map(|body| body.id.clone())
                .collect(),
        });
    }
    (readers, nobody_of)
}

fn roles(depth: Depth) -> Vec<&'static str> {
    let all = [
        "points of contact",
        "analysts",
        "members who need to know",
        "every member",
    ];
    match depth {
        Depth::None => Vec::new(),
        Depth::Poc => all.into_iter().take(1).collect(),
        Depth::Analyst => all.into_iter().take(2).collect(),
        Depth::MembersNtk => all.into_iter().take(3).collect(),
        Depth::MembersAll => all
            .into_iter()
            .filter(|one| *one != "members who need to know")
            .collect(),
    }
}
