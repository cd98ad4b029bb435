//! The decision: may this reader have this item, in what form, by this channel, at this time, and
//! why. Pure and total; every surface's every byte passes it (law 3), directly or through an
//! interned [`super::audience::Audience`], which is this function asked once for many items.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Tlp;
use super::grants::{Depth, Form};
use super::names::{BodyId, PrincipalId, SectorCode};
use super::rule::Access;

/// How far into a body a reader belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// A point of contact of the body.
    Poc,
    /// An analyst of the body.
    Analyst,
    /// A person or service of a member operator, with the operator's sectors.
    Member(BTreeSet<SectorCode>),
}

/// One way in which a reader belongs to a body that rules speak of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The body whose grant applies.
    pub body: BodyId,
    /// How far into it.
    pub reach: Reach,
}

/// What a reader's own body has declared it can honour. Undeclared is unable (law 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// Stores in Japan only.
    #[serde(default)]
    pub storage_jp: bool,
    /// The longest minimum retention it can keep, in days.
    #[serde(default)]
    pub retention_min_days: u32,
}

/// A seat at the desk of a source, from which an item is seen as submitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "seat", rename_all = "snake_case")]
pub enum Seat {
    /// The publishers and advisors of the submitting body.
    Publisher {
        /// The submitting body.
        body: BodyId,
    },
    /// The people and services of the operator the item came from.
    Source {
        /// The operator.
        body: BodyId,
    },
    /// The holders of a role whose consent is asked.
    Approver {
        /// The body whose role it is.
        body: BodyId,
        /// The role, such as `poc` or `ot_lead`.
        role: String,
    },
}

/// Everything about a reader that a decision may depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Who asks.
    pub principal: PrincipalId,
    /// Where the reader belongs.
    pub places: Vec<Place>,
    /// Desk seats held.
    pub seats: BTreeSet<Seat>,
    /// What the reader's body can honour.
    pub capability: Capability,
}

impl Reader {
    /// Whoever reads without logging in: CLEAR only, in the form of the observers' column, and
    /// bound to nothing, so able to honour nothing.
    #[must_use]
    pub fn anybody() -> Self {
        Self {
            principal: PrincipalId::from("anybody"),
            places: vec![Place {
                body: BodyId::anybody(),
                reach: Reach::Analyst,
            }],
            seats: BTreeSet::new(),
            capability: Capability::default(),
        }
    }
}

/// The way an item would reach a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Looked at on the hub's own pages; the recipient acquires nothing.
    Console,
    /// Handed over by the REST API.
    Rest,
    /// Handed over by TAXII.
    Taxii,
}

impl Channel {
    /// Whether the recipient acquires a copy, so that its capability matters.
    #[must_use]
    pub const fn hands_over(self) -> bool {
        !matches!(self, Self::Console)
    }
}

/// On what ground a reader passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// As point of contact.
    Poc,
    /// As analyst.
    Analyst,
    /// As any member operator's person.
    EveryMember,
    /// As a member operator's person who needs to know.
    NeedToKnow,
}

/// Why a reader does not pass; the dimension that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The body has no grant.
    #[error("audience: the body is given nothing")]
    BodyNotGranted,
    /// The body's grant stops above the reader.
    #[error("audience: the body's depth stops before this reader")]
    BeyondDepth,
    /// A member operator without need to know.
    #[error("audience: neither the operator's sector nor the reader is named as needing to know")]
    NoNeedToKnow,
    /// Only named persons may read.
    #[error("named: only named persons may read")]
    NotNamed,
    /// The embargo is not over.
    #[error("not_before: the embargo is not over")]
    NotYet,
    /// The item has expired.
    #[error("not_after: the item has expired")]
    Expired,
    /// Only CLEAR is for anybody.
    #[error("tlp: only CLEAR may be read without logging in")]
    NotClear,
    /// The sources agreed that it may only be looked at.
    #[error("view_only: it may only be looked at")]
    ViewOnly,
    /// The recipient has not declared that it stores in Japan only.
    #[error(
        "storage_jp_only: the recipient has not declared storage in Japan, so it may only view"
    )]
    StorageAbroad,
    /// The recipient has not declared that it can keep the item long enough.
    #[error(
        "retention_min_days: the recipient has not declared so long a retention, so it may only view"
    )]
    RetentionTooShort,
}

/// The outcome for one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The reader may have it in this form.
    Pass {
        /// Never [`Form::None`].
        form: Form,
        /// Why.
        ground: Ground,
    },
    /// The reader may not have it.
    Deny(Denial),
}

impl Decision {
    /// The form, where the reader passes.
    #[must_use]
    pub const fn form(self) -> Option<Form> {
        match self {
            Self::Pass { form, .. } => Some(form),
            Self::Deny(_) => None,
        }
    }
}

/// Decides. A reader with several places has the widest form any of them gives.
#[must_use]
pub fn decide(access: &Access, reader: &Reader, channel: Channel, now: DateTime<Utc>) -> Decision {
    if access.not_before.is_some_and(|from| now < from) {
        return Decision::Deny(Denial::NotYet);
    }
    if access.not_after.is_some_and(|until| now >= until) {
        return Decision::Deny(Denial::Expired);
    }
    if let Some(named) = &access.named
        && !named.contains(&reader.principal)
    {
        return Decision::Deny(Denial::NotNamed);
    }
    if channel.hands_over() {
        if access.view_only {
            return Decision::Deny(Denial::ViewOnly);
        }
        if access.storage_jp_only && !reader.capability.storage_jp {
            return Decision::Deny(Denial::StorageAbroad);
        }
        if access.retention_min_days > reader.capability.retention_min_days {
            return Decision::Deny(Denial::RetentionTooShort);
        }
    }
    let mut best = Decision::Deny(Denial::BodyNotGranted);
    for place in &reader.places {
        best = wider(best, at_place(access, reader, place));
    }
    best
}

fn at_place(access: &Access, reader: &Reader, place: &Place) -> Decision {
    if access.tlp != Tlp::Clear && place.body.as_str() == "anybody" {
        return Decision::Deny(Denial::NotClear);
    }
    let grant = access.audience.get(&place.body);
    if grant.is_none() {
        return Decision::Deny(Denial::BodyNotGranted);
    }
    let ground = match (&place.reach, grant.depth()) {
        (Reach::Poc, _) => Ground::Poc,
        (Reach::Analyst, Depth::Analyst | Depth::MembersNtk | Depth::MembersAll) => Ground::Analyst,
        (Reach::Member(_), Depth::MembersAll) => Ground::EveryMember,
        (Reach::Member(sectors), Depth::MembersNtk) => {
            let needs = access.need_to_know.as_ref().is_none_or(|ntk| {
                !ntk.sectors.is_disjoint(sectors) || ntk.persons.contains(&reader.principal)
            });
            if !needs {
                return Decision::Deny(Denial::NoNeedToKnow);
            }
            Ground::NeedToKnow
        }
        _ => return Decision::Deny(Denial::BeyondDepth),
    };
    Decision::Pass {
        form: grant.form(),
        ground,
    }
}

/// Of two places' outcomes the one that gives more; of two denials the later, more telling one.
fn wider(a: Decision, b: Decision) -> Decision {
    match (a, b) {
        (Decision::Pass { form: one, .. }, Decision::Pass { form: two, .. }) => {
            if one <= two {
                a
            } else {
                b
            }
        }
        (Decision::Pass { .. }, Decision::Deny(_)) => a,
        _ => b,
    }
}
