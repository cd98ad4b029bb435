//! The anonymity check: what would still point at the source in a rendition that is ready to leave,
//! and the hold that follows. A finding refuses nothing: the item is stored, its source sees where,
//! and mends it by a new version or lets its point of contact confirm that the finding is none.
//!
//! It finds, and makes the hold; it changes no rendition.

use super::intake::{Handled, Hold};
use crate::council::body::role;
use crate::handling::{ApprovalMode, Approver, Audience, BodyId, Form, Seat};
use crate::report::identity_check::Finding;

/// The code of the hold.
pub const ANONYMITY: &str = "ANONYMITY";
/// Places one hold names; a message is for a person to read.
const PLACES_MAX: usize = 20;

/// Holds an item whose rendition would still point at its source. Only its CEPTOAR's point of
/// contact may confirm, and only by a yes: the mode is explicit whatever the level says.
pub(super) fn hold(handled: &mut Handled, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
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
    handled.holds.push(Hold {
        code: ANONYMITY.to_owned(),
        message: format!(
            "the anonymised form would still point at its source: {}; a new version mends it, or the point of contact confirms",
            places.join("; ")
        ),
        inside_too: handled
            .inside
            .iter()
            .any(|(form, _)| *form == Form::Anonymised),
        confirmable: true,
    });
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
