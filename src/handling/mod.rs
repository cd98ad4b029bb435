//! The harmonised handling rule. Pure: no IO, no clock, no database.
//!
//! Read in this order: [`tlp`], [`dimension`] (chains and the [`Join`]), [`grants`] (who, how deep,
//! in what form), [`rule`] (all dimensions together), [`scheme`] (a CEPTOAR's own levels),
//! [`mod@decide`] (one reader), [`audience`] (many readers at once), [`approval`], [`conflict`],
//! [`mod@explain`].

pub mod approval;
pub mod audience;
pub mod conflict;
pub mod decide;
pub mod dimension;
pub mod explain;
pub mod grants;
pub mod names;
pub mod rule;
pub mod scheme;
pub mod tlp;

pub use approval::{Consent, Vote, consent};
pub use audience::{Audience, Side, cut, within};
pub use conflict::{Conflict, Parties, conflicts};
pub use decide::{
    Capability, Channel, Decision, Denial, Ground, Place, Reach, Reader, Seat, decide,
};
pub use dimension::{
    ApprovalMode, Attribution, Automated, Downgrade, Join, NoReply, Onward, Pap, Passing,
};
pub use explain::{Clause, Part, explain, join_all, without_people};
pub use grants::{Depth, Form, Grant, Grants};
pub use names::{Approver, BodyId, PrincipalId, SectorCode};
pub use rule::{Access, NeedToKnow, Relative, Rule};
pub use scheme::{Column, Columns, Level, SafetyOverride, Scheme, Unmarked};
pub use tlp::Tlp;
