//! What is wrong with a charter's policies: text that does not parse or is ill typed, names the
//! file does not have, and cases that come out otherwise than the council's own table says. It
//! proves no invariant; it only sees that each can be read.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use chrono::NaiveDate;

use super::evaluate::{Conditions, Verdict};
use super::policies::Policies;
use super::{Case, Charter, Expected, Subject};
use crate::council::{CouncilFile, Directory, Fault};
use crate::handling::{BodyId, Form};

/// Every fault of the charter's policies, invariants and cases; the rest of the file is sound.
#[must_use]
pub fn faults(file: &CouncilFile) -> Vec<Fault> {
    let charter = &file.charter;
    if charter.policies.is_empty() && charter.invariants.is_empty() && charter.cases.is_empty() {
        return Vec::new();
    }
    let policies = match Policies::compile(&charter.policies) {
        Ok(policies) => policies,
        Err(faults) => return faults,
    };
    let mut faults: Vec<Fault> = policies
        .names()
        .filter_map(|(id, uid)| {
            Some(Fault {
                place: "charter.policies".to_owned(),
                message: format!("policy `{id}` names {}", unknown(file, &uid)?),
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for invariant in &charter.invariants {
        let place = format!("charter.invariants `{}`", invariant.id);
        let fault = |message: String| Fault {
            place: place.clone(),
            message,
        };
        if invariant.id.is_empty() || !seen.insert(&invariant.id) {
            faults.push(fault("has no name of its own".to_owned()));
        }
        match policies.named_by(invariant) {
            Err(found) => faults.extend(found),
            Ok(named) => faults.extend(
                named
                    .iter()
                    .filter_map(|uid| Some(fault(format!("names {}", unknown(file, uid)?)))),
            ),
        }
    }
    if faults.is_empty() && !charter.cases.is_empty() {
        let directory = Directory::new(0, file.clone());
        let conditions = Conditions::new(&charter.policies);
        for case in &charter.cases {
            if let Err(message) = outcome(&directory, &conditions, charter, case) {
                faults.push(Fault {
                    place: format!("charter.cases `{}`", case.name),
                    message,
                });
            }
        }
    }
    faults
}

/// What the entity is, where the file does not have it. Words with a fixed list the schema checks.
fn unknown(file: &CouncilFile, uid: &EntityUid) -> Option<String> {
    let name = uid.id().unescaped();
    let (kind, known) = match uid.type_name().basename() {
        "Body" => (
            "body",
            name == BodyId::anybody().as_str()
                || file.bodies.iter().any(|body| body.id.as_str() == name),
        ),
        "Sector" => (
            "sector",
            file.sectors
                .iter()
                .any(|sector| sector.code.as_str() == name),
        ),
        "Scheme" => (
            "scheme",
            file.schemes.iter().any(|scheme| scheme.id == name),
        ),
        "Level" => (
            "level",
            file.schemes.iter().any(|scheme| {
                let of_scheme = name.strip_prefix(&scheme.id);
                let level = of_scheme.and_then(|rest| rest.strip_prefix('/'));
                level.is_some_and(|level| scheme.level(level).is_some())
            }),
        ),
        _ => return None,
    };
    (!known).then(|| format!("{kind} `{name}`, which is not in the file"))
}

fn outcome(
    directory: &Directory,
    conditions: &Conditions,
    charter: &Charter,
    case: &Case,
) -> Result<(), String> {
    let day = case.on.or(charter.effective).unwrap_or(NaiveDate::MAX);
    if case.form == Form::None {
        return Err("nobody asks for the form `none`".to_owned());
    }
    if case.body != BodyId::anybody() && directory.body(&case.body).is_none() {
        return Err(format!(
            "names body `{}`, which is not in the file",
            case.body
        ));
    }
    let scheme = directory
        .body(&case.source)
        .and_then(|source| source.scheme.as_deref())
        .and_then(|scheme| directory.scheme(scheme, day))
        .ok_or_else(|| {
            format!(
                "names source `{}`, which has no scheme on {day}",
                case.source
            )
        })?;
    let wanted = case.level.as_ref().unwrap_or(&scheme.default_level);
    let level = scheme
        .level(wanted)
        .ok_or_else(|| format!("names level `{wanted}`, which {} does not have", scheme.id))?;
    let subject = Subject {
        ceptoar: case.source.clone(),
        submitter: case.source.clone(),
        operator: case.operator.clone(),
        scheme: scheme.id.clone(),
        level: level.level.clone(),
        facts: case.item.clone(),
    };
    let tlp = case.tlp.unwrap_or(level.tlp);
    let verdict = conditions.ask(directory, &subject, tlp, (&case.body, case.form), day);
    match (case.expect, verdict) {
        (Expected::Allow, Verdict::Allowed) | (Expected::Deny, Verdict::Forbidden(_)) => Ok(()),
        (Expected::Deny, Verdict::Allowed) => {
            Err("expects `deny`, and no policy forbids it".to_owned())
        }
        (Expected::Allow, Verdict::Forbidden(ids)) => Err(format!(
            "expects `allow`, and it is forbidden by policy {}",
            ids.join(", ")
        )),
        // A failure denies, but no table may count on one.
        (_, Verdict::Failed(reason)) => Err(format!("cannot be decided: {reason}")),
    }
}
