//! The dimensions of the common rule that are chains: their values run from loose to strict, and
//! the join of two is the stricter. Declaration order is the order of strictness.

use serde::{Deserialize, Serialize};

/// Combines two restrictions into one that is at least as strict as either.
///
/// INVARIANT: commutative, associative, idempotent, and `a <= a.join(b)` in strictness. The whole
/// rule's laws (`tests/it/handling_laws.rs`) rest on every implementation keeping them.
pub trait Join: Sized {
    /// The loosest value that satisfies both.
    #[must_use]
    fn join(&self, other: &Self) -> Self;
}

macro_rules! chain {
    ($case:literal, $(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = $case)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, loose to strict.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
        impl Join for $name {
            fn join(&self, other: &Self) -> Self {
                *self.max(other)
            }
        }
    };
}

chain! {
    "snake_case",
    /// Whom a rendition names as its creator.
    Attribution {
        /// The body's own name.
        NameOk,
        /// A stable pseudonym.
        Pseudonym,
        /// The sector.
        SectorOnly,
        /// Nobody.
        Withheld,
    }
}
chain! {
    "snake_case",
    /// Whether a reader may pass an item on to one kind of third party.
    Passing {
        /// Freely.
        Allow,
        /// Under a non-disclosure agreement.
        Nda,
        /// With the source's approval.
        Approval,
        /// Never.
        Deny,
    }
}
chain! {
    "snake_case",
    /// How one approver's consent is given.
    ApprovalMode {
        /// No consent is needed.
        None,
        /// No reply by the deadline is consent.
        Silent,
        /// A yes is needed.
        Explicit,
        /// Every named role says yes, and at least two different people did.
        TwoPerson,
    }
}
chain! {
    "snake_case",
    /// What no reply means for the item as a whole.
    NoReply {
        /// It is released.
        Release,
        /// It goes to the body's superior.
        Escalate,
        /// It is refused.
        Refuse,
    }
}
chain! {
    "snake_case",
    /// What machines may do with an item.
    Automated {
        /// Anything.
        Allow,
        /// No model may be trained on it.
        NoTraining,
        /// No external AI service may see it.
        NoExternalAi,
        /// People only.
        HumanOnly,
    }
}
chain! {
    "UPPERCASE",
    /// The Permissible Actions Protocol: what a reader may do that others can notice.
    Pap {
        /// No restriction.
        Clear,
        /// Active actions such as blocking.
        Green,
        /// Passive cross-checks.
        Amber,
        /// Nothing detectable from outside.
        Red,
    }
}

impl ApprovalMode {
    /// The word used in rules and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Silent => "silent",
            Self::Explicit => "explicit",
            Self::TwoPerson => "two_person",
        }
    }
}

impl Join for super::Tlp {
    fn join(&self, other: &Self) -> Self {
        *self.max(other)
    }
}

/// Onward passing, for each kind of third party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onward {
    /// Companies of the same group.
    pub group: Passing,
    /// Contractors and vendors.
    pub vendor: Passing,
    /// Clients of the recipient.
    pub client: Passing,
    /// Anyone outside Japan.
    pub overseas: Passing,
}

impl Onward {
    /// No restriction at all.
    pub const FREE: Self = Self {
        group: Passing::Allow,
        vendor: Passing::Allow,
        client: Passing::Allow,
        overseas: Passing::Allow,
    };
}

impl Join for Onward {
    fn join(&self, other: &Self) -> Self {
        Self {
            group: self.group.join(&other.group),
            vendor: self.vendor.join(&other.vendor),
            client: self.client.join(&other.client),
            overseas: self.overseas.join(&other.overseas),
        }
    }
}

/// When an item becomes looser by age.
///
/// Three values, because "a CLEAR part has none and does not count" and "never" are both written
/// as null where a rule is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Downgrade {
    /// CLEAR already; says nothing about what it is joined with.
    NotApplicable,
    /// After this many days.
    AfterDays(u32),
    /// Never.
    Never,
}

impl Downgrade {
    /// Reads a level's own statement: days, or null for never, which for CLEAR means nothing.
    #[must_use]
    pub fn from_days(days: Option<u32>, tlp: super::Tlp) -> Self {
        match (days, tlp) {
            (_, super::Tlp::Clear) => Self::NotApplicable,
            (Some(days), _) => Self::AfterDays(days),
            (None, _) => Self::Never,
        }
    }

    /// Days, or `None` both for never and for CLEAR.
    #[must_use]
    pub const fn days(self) -> Option<u32> {
        match self {
            Self::AfterDays(days) => Some(days),
            Self::NotApplicable | Self::Never => None,
        }
    }
}

impl Join for Downgrade {
    fn join(&self, other: &Self) -> Self {
        *self.max(other)
    }
}
