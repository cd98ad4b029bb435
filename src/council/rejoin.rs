//! What a change of the directory does to audiences that were made before it: a body that joins, or
//! whose standing or ministry relation changes, stands in another column towards a source, and has
//! what that column gives; no more, and at once no longer what the former one gave.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Body, BodyKind, Directory};
use crate::handling::{Access, BodyId, Column, Depth, Form, Grant, Relative};

/// A directory on a day (UTC).
pub type OnDay<'a> = (&'a Directory, NaiveDate);

/// Bodies whose column towards some source may have changed. Operators have none of their own.
#[must_use]
pub fn moved<'a>(before: OnDay<'a>, after: OnDay<'a>) -> BTreeSet<&'a BodyId> {
    let all = before.0.bodies().chain(after.0.bodies());
    let may = |body: &&Body| {
        let same = before.0.body(&body.id) == after.0.body(&body.id)
            && before.0.has_operators(&body.id) == after.0.has_operators(&body.id);
        // A ministry's column also follows from who names it, and since when.
        body.kind != BodyKind::Operator && (!same || body.kind == BodyKind::Ministry)
    };
    all.filter(may).map(|body| &body.id).collect()
}

/// In which column towards `own` a body stands, and whether operators stand behind it.
fn stands((directory, day): OnDay<'_>, body: &BodyId, own: &BodyId) -> Option<(Column, bool)> {
    let body = directory.body(body)?;
    let column = directory.column(body, own, day)?;
    Some((column, directory.has_operators(&body.id)))
}

/// Whether one of the moved bodies stands in another column towards `own` than before.
#[must_use]
pub fn stand_elsewhere(
    own: &BodyId,
    moved: &BTreeSet<&BodyId>,
    before: OnDay<'_>,
    after: OnDay<'_>,
) -> bool {
    let others = moved.iter().copied().filter(|id| *id != own);
    let mut changed = others.filter(|id| stands(before, id, own) != stands(after, id, own));
    changed.next().is_some()
}

/// What each of the moved bodies has from now on under an access, where that changed.
#[must_use]
pub fn regranted(
    access: &Access,
    moved: &BTreeSet<&BodyId>,
    before: OnDay<'_>,
    after: OnDay<'_>,
) -> Vec<(BodyId, Grant)> {
    let Relative::One { own, columns } = &access.relative else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for id in moved.iter().copied().filter(|id| *id != own) {
        let now = stands(after, id, own);
        if stands(before, id, own) == now {
            continue;
        }
        let grant = now.map_or(Grant::NONE, |(column, has_operators)| {
            let grant = columns.get(column);
            if has_operators || grant.depth() >= Depth::Analyst {
                grant
            } else {
                Grant::new(Depth::Analyst, grant.form())
            }
        });
        changes.push((id.clone(), grant));
    }
    changes
}

/// One audience's access after the change; `None` where nothing changes for it.
///
/// `form` is the form its entries have, and `need_to_know_only` whether it is cut for members who
/// need to know.
#[must_use]
pub fn rejoined(
    access: &Access,
    form: Form,
    need_to_know_only: bool,
    changes: &[(BodyId, Grant)],
) -> Option<Access> {
    let mut changed = access.clone();
    for (id, grant) in changes {
        let other_piece = need_to_know_only && grant.depth() != Depth::MembersNtk;
        let fits = grant.form() == form && !other_piece;
        let grant = if fits { *grant } else { Grant::NONE };
        changed.audience.set(id.clone(), grant);
    }
    changed.audience = changed.audience.only(|_, grant| !grant.is_none());
    (changed != *access).then_some(changed)
}
