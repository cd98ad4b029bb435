//! Sharing groups: bodies that the council file names, to which a source limits an item with one
//! UUID (CSAF 2.1 section 3.2.1.12.1). A group only narrows, as naming persons does; the two
//! UUIDs that CSAF reserves mean everybody and nobody.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::refusal::{Fault, Refusal};
use crate::council::Directory;
use crate::council::resolve::Narrowing;

/// Limits an item to the people of a group's bodies, as the directory has them now.
///
/// # Errors
/// For a group the council does not know, and for the one that forbids sharing.
pub(super) fn limit(
    directory: &Directory,
    group: Option<&str>,
    narrowing: &mut Narrowing,
) -> Result<(), Refusal> {
    let Some(group) = group else {
        return Ok(());
    };
    let refuse = |message: &str| {
        Refusal::Invalid(vec![Fault::at(
            "/handling/sharing_group",
            "handling.sharing_group",
            message,
        )])
    };
    let group = Uuid::parse_str(group).map_err(|_| refuse("a sharing group is named by a UUID"))?;
    if group.is_max() {
        return Ok(()); // everybody whom the rule admits
    }
    if group.is_nil() {
        return Err(refuse(
            "this sharing group says that it is not to be shared",
        ));
    }
    let known = directory
        .sharing_group(group)
        .ok_or_else(|| refuse("the council file names no such sharing group"))?;
    let mut members: BTreeSet<_> = directory
        .principals()
        .filter(|principal| known.bodies.contains(&principal.body))
        .map(|principal| principal.id.clone())
        .collect();
    if let Some(named) = &narrowing.named {
        members.retain(|member| named.contains(member));
    }
    narrowing.named = Some(members);
    Ok(())
}
