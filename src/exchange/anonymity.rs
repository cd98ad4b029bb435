//! The anonymity check: what would still point at the source in a rendition that is ready to leave,
//! and the hold that follows. A finding refuses nothing: the item is stored, its source sees where,
//! and mends it by a new version or lets its point of contact confirm that the finding is none.
//!
//! It finds, and makes the hold; it changes no rendition.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use super::Tx;
use super::hold::Hold;
use super::intake::Handled;
use super::refusal::Refusal;
use crate::council::body::role;
use crate::council::{Directory, Origin, PrincipalKind};
use crate::handling::{
    ApprovalMode, Approver, Attribution, Audience, BodyId, Form, Rule, Seat, SectorCode,
};
use crate::report::Report;
use crate::report::identity_check::{Finding, FindingKind, IdentityCheck, Mark, uuids_of};

/// The code of the hold.
pub const ANONYMITY: &str = "ANONYMITY";
/// Places one hold names; a message is for a person to read.
const PLACES_MAX: usize = 20;

/// What identifies the source of an item in the directory: names, domains and networks.
#[must_use]
pub(super) fn body_marks(directory: &Directory, origin: &Origin) -> Vec<Mark> {
    let marks = directory.identity_marks(source_bodies(directory, origin));
    let names = marks.names.into_iter().map(Mark::Name);
    names
        .chain(marks.domains.into_iter().map(Mark::Domain))
        .chain(marks.networks.into_iter().map(Mark::Network))
        .collect()
}

/// The check for one source, made ready once; `marks` are what the item itself tells of it.
#[must_use]
pub(super) fn check(directory: &Directory, origin: &Origin, mut marks: Vec<Mark>) -> IdentityCheck {
    let bodies = source_bodies(directory, origin);
    let named = |id: &str| directory.sector(&SectorCode::from(id)).is_some();
    let id = |id: &str| (!named(id)).then(|| Mark::Id(id.to_owned()));
    marks.extend(bodies.iter().filter_map(|body| id(body.as_str())));
    for principal in directory.principals() {
        if !bodies.contains(&principal.body) {
            continue;
        }
        marks.extend(id(principal.id.as_str()));
        // What a service is called tells its body, whose own names are looked for.
        if principal.kind == PrincipalKind::Person {
            let names = principal.name.texts().map(str::to_owned);
            marks.extend(names.map(Mark::Person));
        }
    }
    IdentityCheck::new(&marks, &[directory.namespace()])
}

/// What a report tells of its own source: all of it is stripped, so none of it may be left.
#[must_use]
pub(super) fn report_marks(report: &Report, rendition: &Value) -> Vec<Mark> {
    let mut marks = Vec::new();
    let value = report.to_value();
    let texts = |value: Option<&Value>| -> Vec<String> {
        let texts = value.and_then(Value::as_object).into_iter().flatten();
        texts
            .filter_map(|(_, text)| text.as_str().map(str::to_owned))
            .collect()
    };
    marks.extend(texts(value.get("organisation")).into_iter().map(Mark::Name));
    marks.extend(report.source_operator().map(|id| Mark::Id(id.to_owned())));
    marks.extend(report.reference().map(|id| Mark::Reference(id.to_owned())));
    marks.extend(report.publisher_marks());
    for entry in report.must_anonymise() {
        let text = entry.text.to_owned();
        // A figure or a date stands in many texts; anything else that is long enough is a name.
        let figure = FIGURES.contains(&entry.kind);
        let listed = !figure && text.chars().count() >= LISTED_MIN || entry.kind == "org";
        marks.push(if listed {
            Mark::Name(text)
        } else {
            Mark::Stripped(text)
        });
    }
    let related = value.get("related").and_then(Value::as_array);
    let related = related.into_iter().flatten().filter_map(Value::as_str);
    let related = related.filter_map(|id| Uuid::try_parse(id).ok());
    marks.extend(related.map(|id| Mark::Own(id, "a related report".to_owned())));
    let listed = |value: &Value| -> BTreeSet<String> {
        let list = value.get("indicators").and_then(Value::as_array);
        let values = list.into_iter().flatten();
        values
            .filter_map(|item| item.get("value")?.as_str().map(str::to_owned))
            .collect()
    };
    let dropped = &listed(value) - &listed(rendition);
    marks.extend(dropped.into_iter().map(Mark::Stripped));
    marks
}

/// The bodies an item may be from: where its operator is not said, it may be any of its CEPTOAR's.
fn source_bodies<'a>(directory: &'a Directory, origin: &'a Origin) -> BTreeSet<&'a BodyId> {
    let mut bodies: BTreeSet<&BodyId> = [&origin.ceptoar, &origin.submitter]
        .into_iter()
        .chain(&origin.operator)
        .collect();
    if origin.operator.is_none() {
        let members = directory
            .bodies()
            .filter(|body| body.ceptoars.contains(&origin.ceptoar));
        bodies.extend(members.map(|body| &body.id));
    }
    bodies
}

/// Where a rendition describes its source so closely that fewer than the rule's `k` bodies fit.
///
/// The creator identity names the sector under `sector_only`; a report's own `sector` does whatever
/// the attribution. Those who fit are the operators of the source's CEPTOAR in these sectors; a
/// CEPTOAR without operators counts itself.
#[must_use]
pub fn small_group(
    directory: &Directory,
    origin: &Origin,
    rule: &Rule,
    rendition: &Value,
    day: NaiveDate,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |pointer: &str, sectors: &BTreeSet<SectorCode>| {
        let fit = if directory.has_operators(&origin.ceptoar) {
            let fits = directory.bodies().filter(|body| {
                body.ceptoars.contains(&origin.ceptoar)
                    && !directory.sectors_of(body, day).is_disjoint(sectors)
            });
            fits.count()
        } else {
            1
        };
        if fit < usize::try_from(rule.k).unwrap_or(usize::MAX) {
            let names: Vec<&str> = sectors.iter().map(SectorCode::as_str).collect();
            findings.push(Finding {
                pointer: pointer.to_owned(),
                kind: FindingKind::SmallGroup,
                what: format!(
                    "SMALL_GROUP: {fit} of the source's bodies fit sector `{}`, and the rule (k) needs {}",
                    names.join(" "),
                    rule.k
                ),
            });
        }
    };
    let served: BTreeSet<SectorCode> = directory
        .body(&origin.ceptoar)
        .map(|body| directory.sectors_of(body, day))
        .unwrap_or_default();
    if let Some(sector) = rendition.get("sector").and_then(Value::as_str) {
        let sector = SectorCode::from(sector);
        // A sector that the source does not serve, as an advisory names it, does not describe it.
        if served.contains(&sector) {
            look("/sector", &BTreeSet::from([sector]));
        }
    }
    if rule.attribution == Attribution::SectorOnly
        && rendition.get("created_by_ref").is_some()
        && !served.is_empty()
    {
        look("/created_by_ref", &served);
    }
    findings
}

/// UUIDs in a rendition that are reports of the same source's own.
pub(super) async fn own_reports(
    tx: &mut Tx,
    origin: &Origin,
    rendition: &Value,
) -> Result<Vec<Finding>, Refusal> {
    let mut findings = Vec::new();
    for (pointer, uuid) in uuids_of(rendition) {
        let Some(version) = tx.latest_version(&uuid.to_string()).await? else {
            continue;
        };
        // Another source's id is no sign of this one, and saying so would tell of it (law 4).
        if version.value.ceptoar == origin.ceptoar.as_str() {
            findings.push(Finding {
                pointer,
                kind: FindingKind::Id,
                what: format!("id `{uuid}` of another report of the source"),
            });
        }
    }
    Ok(findings)
}

/// Kinds of listed strings that are figures.
const FIGURES: [&str; 5] = ["amount", "capacity", "date", "patient", "subscriber"];
/// Characters of a listed string from which on its other spellings are looked for.
const LISTED_MIN: usize = 4;

/// Holds an item whose rendition would still point at its source. Only its CEPTOAR's point of
/// contact may confirm, and only by a yes: the mode is explicit whatever the level says.
pub(super) fn hold(handled: &mut Handled, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    handled.holds.retain(|hold| hold.code != ANONYMITY);
    let mut hold = finding_hold(findings, handled.resolved.decided_by("anonymise"));
    let inside = &handled.inside;
    hold.inside_too = inside.iter().any(|(form, _)| *form == Form::Anonymised);
    handled.holds.push(hold);
    let poc = Approver::of(&handled.origin.ceptoar, role::POC);
    if let Some((body, role)) = poc.parts() {
        let seat = Audience::Desk {
            seat: Seat::Approver {
                body: BodyId::from(body),
                role: role.to_owned(),
            },
        };
        if !handled.desk.contains(&seat) {
            handled.desk.push(seat);
        }
    }
    let mode = handled
        .approvals
        .entry(poc)
        .or_insert(ApprovalMode::Explicit);
    *mode = (*mode).max(ApprovalMode::Explicit);
}

/// The hold that findings make; whose clauses ask for the anonymised form is `decided_by`.
pub(super) fn finding_hold(findings: &[Finding], decided_by: Vec<String>) -> Hold {
    let mut places: Vec<String> = findings
        .iter()
        .take(PLACES_MAX)
        .map(|finding| format!("{} {}", finding.pointer, finding.what))
        .collect();
    if let Some(more) = findings
        .len()
        .checked_sub(PLACES_MAX)
        .filter(|more| *more > 0)
    {
        places.push(format!("and {more} more"));
    }
    let message = format!(
        "the anonymised form would still point at its source: {}",
        places.join("; ")
    );
    Hold::whole(ANONYMITY, message)
        .by("anonymise", decided_by)
        .until("a new version that mends it, or the point of contact's confirmation")
        .confirmable()
}
