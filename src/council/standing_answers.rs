//! Static answers, without any item: who could ever see a level ([`who`]), which levels can never
//! meet in one newsletter ([`meet`]), which rules are dead ([`dead`]). Pure; they ask the same
//! resolution as the gate, so none of them has rules of its own.

mod dead;
mod meet;
mod who;

pub use dead::{Dead, Finding, dead};
pub use meet::{Meeting, Pair, meet};
pub use who::{Asks, Reads, Who, who};

use chrono::{DateTime, Utc};

use super::resolve::Narrowing;
use super::{BodyKind, Directory, Origin, Principal, PrincipalKind, Resolved, resolve_level};
use crate::handling::{Approver, BodyId, Level, Scheme};

/// An item of `source` under a level, with nothing narrowed; its sectors are the source's own.
fn plain(
    directory: &Directory,
    source: &BodyId,
    scheme: &Scheme,
    level: &Level,
    at: DateTime<Utc>,
) -> Option<(Origin, Resolved)> {
    let body = directory.body(source)?;
    let origin = Origin {
        ceptoar: directory.ceptoar_of(body).clone(),
        submitter: body.id.clone(),
        operator: (body.kind == BodyKind::Operator).then(|| body.id.clone()),
        sectors: directory.sectors_of(body, at.date_naive()),
    };
    let version = (scheme.id.as_str(), scheme.version);
    let resolved = resolve_level(
        directory,
        version,
        level,
        &origin,
        &Narrowing::default(),
        at,
    );
    Some((origin, resolved))
}

/// The bodies that send under a scheme of their own by that name.
fn users<'a>(directory: &'a Directory, scheme: &'a str) -> impl Iterator<Item = &'a BodyId> {
    directory
        .bodies()
        .filter(move |body| body.scheme.as_deref() == Some(scheme))
        .map(|body| &body.id)
}

/// The people who may answer for an approver.
fn holders<'a>(directory: &'a Directory, approver: &Approver) -> Vec<&'a Principal> {
    directory
        .principals()
        .filter(|one| one.kind == PrincipalKind::Person && directory.may_answer_for(one, approver))
        .collect()
}
