//! Who gave feedback, as far as its rule lets the reader of it know.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::json;

use crate::council::{Body, BodyKind, Directory, Origin};
use crate::exchange::access::Caller;
use crate::exchange::anonymity;
use crate::exchange::refusal::{Fault, Refusal};
use crate::handling::{Attribution, BodyId, Channel, Form, Rule, SectorCode, decide};

/// A giver: a body, or somebody of a sector, or nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Giver {
    /// The body, where the rule names it to this reader.
    pub body: Option<BodyId>,
    /// Its name.
    pub name: Option<String>,
    /// The sectors it is somebody of, where enough bodies fit.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sectors: BTreeSet<SectorCode>,
    /// Whether it is the reader.
    pub own: bool,
}

impl Giver {
    /// The reader itself.
    pub(super) fn own(caller: &Caller) -> Self {
        Self {
            own: true,
            ..Self::named(&caller.body)
        }
    }

    pub(super) fn named(body: &Body) -> Self {
        Self {
            body: Some(body.id.clone()),
            name: Some(body.name.ja_or_en().to_owned()),
            ..Self::default()
        }
    }
}

/// Where feedback of a body comes from.
pub(in crate::exchange) fn origin_of(directory: &Directory, body: &Body, day: NaiveDate) -> Origin {
    Origin {
        ceptoar: directory.ceptoar_of(body).clone(),
        submitter: body.id.clone(),
        operator: (body.kind == BodyKind::Operator).then(|| body.id.clone()),
        sectors: directory.sectors_of(body, day),
    }
}

/// Whether a rule names a body to somebody who reads for the CEPTOAR `reader`: it gives this caller
/// the form that names the source. Another sector's CEPTOAR is never told.
pub(in crate::exchange) fn is_named(
    caller: &Caller,
    rule: &Rule,
    giver: &Body,
    reader: &BodyId,
    now: DateTime<Utc>,
) -> bool {
    let directory = &caller.directory;
    let decision = decide(&rule.access, &caller.reader, Channel::Console, now);
    let identified = rule.access.audience.get(reader).form() == Form::Identified
        && decision.form() == Some(Form::Identified);
    let own = giver.id == *reader || giver.ceptoars.contains(reader);
    let other_sector = directory
        .body(reader)
        .is_none_or(|body| matches!(body.kind, BodyKind::Ceptoar | BodyKind::Operator));
    identified && (own || !other_sector)
}

/// The giver as one of the source's people (of the CEPTOAR `reader`) is told.
pub(super) fn told(
    caller: &Caller,
    rule: &Rule,
    giver: &str,
    reader: &str,
    now: DateTime<Utc>,
) -> Giver {
    let (directory, day) = (&caller.directory, now.date_naive());
    let Some(giver) = directory.body(&BodyId::from(giver)) else {
        return Giver::default();
    };
    if is_named(caller, rule, giver, &BodyId::from(reader), now) {
        return Giver::named(giver);
    }
    if rule.attribution == Attribution::Withheld {
        return Giver::default();
    }
    let sectors = directory.sectors_of(giver, day);
    let fits = directory.bodies().filter(|body| {
        body.kind == giver.kind && !directory.sectors_of(body, day).is_disjoint(&sectors)
    });
    // k of the rule: a sector of fewer bodies would tell which of them it was.
    if fits.count() < usize::try_from(rule.k.max(2)).unwrap_or(usize::MAX) {
        return Giver::default();
    }
    Giver {
        sectors,
        ..Giver::default()
    }
}

/// Refuses a text that would itself tell whose it is.
pub(super) fn unnamed(caller: &Caller, text: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    let directory = &caller.directory;
    let origin = origin_of(directory, &caller.body, now.date_naive());
    let marks = anonymity::body_marks(directory, &origin);
    let found = anonymity::check(directory, &origin, marks).find(&json!({ "text": text }));
    if found.is_empty() {
        return Ok(());
    }
    let fault = |found: crate::report::identity_check::Finding| {
        let message = format!(
            "{}: feedback names its giver as far as its rule does, never in its text",
            found.what
        );
        Fault::at(found.pointer, "anonymity", message)
    };
    Err(Refusal::Invalid(found.into_iter().map(fault).collect()))
}
