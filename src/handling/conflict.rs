//! Conflicts: what a join can come to that no longer works. They are results, not exceptions; any
//! of them holds the item.

use std::collections::BTreeSet;
use std::fmt;

use super::names::BodyId;
use super::rule::Rule;

/// Why a joined rule cannot simply be followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conflict {
    /// It must be kept longer than it may be kept.
    Retention,
    /// No purpose is left that is allowed.
    NoCommonPurpose,
    /// Nobody at all may read it.
    EmptyAudience,
    /// This source's own CEPTOAR could not read the combination.
    OriginExcluded(String),
    /// No CEPTOAR may read it, but a government body may.
    GovernmentOnly,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retention => f.write_str("RETENTION_CONFLICT"),
            Self::NoCommonPurpose => f.write_str("NO_COMMON_PURPOSE"),
            Self::EmptyAudience => f.write_str("EMPTY_AUDIENCE"),
            Self::OriginExcluded(body) => write!(f, "ORIGIN_EXCLUDED:{body}"),
            Self::GovernmentOnly => f.write_str("GOVERNMENT_ONLY"),
        }
    }
}

impl Conflict {
    /// The dimension of the rule in which the parts conflict.
    #[must_use]
    pub const fn dimension(&self) -> &'static str {
        match self {
            Self::Retention => "retention_max_days",
            Self::NoCommonPurpose => "purposes_allowed",
            Self::EmptyAudience | Self::OriginExcluded(_) | Self::GovernmentOnly => "audience",
        }
    }
}

/// What the conflict check needs to know of the bodies, beside the rule.
pub struct Parties<'a> {
    /// Each origin's own CEPTOAR, with the name its code bears.
    pub origins: Vec<(BodyId, String)>,
    /// Whether a body is a CEPTOAR.
    pub is_ceptoar: &'a dyn Fn(&BodyId) -> bool,
    /// Whether a body is a government body: the national centre or a ministry.
    pub is_government: &'a dyn Fn(&BodyId) -> bool,
}

/// Every conflict of `rule`, in a stable order.
#[must_use]
pub fn conflicts(rule: &Rule, parties: &Parties<'_>) -> Vec<Conflict> {
    let mut found = BTreeSet::new();
    if rule
        .retention_max_days
        .is_some_and(|max| rule.access.retention_min_days > max)
    {
        found.insert(Conflict::Retention);
    }
    if rule.purposes().is_some_and(|left| left.is_empty()) {
        found.insert(Conflict::NoCommonPurpose);
    }
    let audience = &rule.access.audience;
    let nobody_named = rule.access.named.as_ref().is_some_and(BTreeSet::is_empty);
    if audience.is_empty() || nobody_named {
        found.insert(Conflict::EmptyAudience);
    }
    for (ceptoar, name) in &parties.origins {
        if audience.get(ceptoar).is_none() || nobody_named {
            found.insert(Conflict::OriginExcluded(name.clone()));
        }
    }
    let reads = |which: &dyn Fn(&BodyId) -> bool| {
        audience
            .iter()
            .any(|(body, grant)| !grant.is_none() && which(body))
    };
    if !reads(parties.is_ceptoar) && reads(parties.is_government) {
        found.insert(Conflict::GovernmentOnly);
    }
    found.into_iter().collect()
}
