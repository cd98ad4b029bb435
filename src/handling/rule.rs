//! The common rule: every dimension that any scheme's level is mapped to, and the join of two.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Tlp;
use super::dimension::{
    ApprovalMode, Attribution, Automated, Downgrade, Join, NoReply, Onward, Pap,
};
use super::grants::Grants;
use super::names::{Approver, BodyId, PrincipalId, SectorCode};
use super::scheme::{Column, Columns};

/// Who of a member operator needs to know an item that stops at `members_ntk`.
///
/// A dimension of its own, so that the join can only shrink it: a sector or person that one part
/// does not admit is not admitted by the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NeedToKnow {
    /// The item's own sector and those the source names as useful for it.
    pub sectors: BTreeSet<SectorCode>,
    /// Persons and services the source names.
    pub persons: BTreeSet<PrincipalId>,
}

impl Join for NeedToKnow {
    fn join(&self, other: &Self) -> Self {
        Self {
            sectors: self.sectors.intersection(&other.sectors).cloned().collect(),
            persons: self.persons.intersection(&other.persons).cloned().collect(),
        }
    }
}

/// What the columns of a level give relative to its source, kept beside the concrete audience so
/// that a body whose place in the council changes later is given its new column's grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Relative {
    /// Says nothing: the identity of the join.
    #[default]
    Anything,
    /// One source's columns.
    One {
        /// Whose columns.
        own: BodyId,
        /// What they give.
        columns: Columns,
    },
    /// Several sources': what a later body would get is not said, so it gets nothing (law 1).
    Several,
}

impl Relative {
    fn says_nothing(&self) -> bool {
        *self == Self::Anything
    }
}

impl Join for Relative {
    fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Anything, one) | (one, Self::Anything) => one.clone(),
            (
                Self::One { own, columns },
                Self::One {
                    own: whose,
                    columns: others,
                },
            ) if own == whose => {
                let narrower = |sum: Columns, column| {
                    sum.with(column, sum.get(column).join(&others.get(column)))
                };
                Self::One {
                    own: own.clone(),
                    columns: Column::ALL.into_iter().fold(*columns, narrower),
                }
            }
            _ => Self::Several,
        }
    }
}

/// The part of a rule that says who may read: all that [`super::decide()`] looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Access {
    /// How far.
    pub tlp: Tlp,
    /// Which bodies, how deep, in what form.
    pub audience: Grants,
    /// What bodies that come later would be given; it decides nothing by itself.
    #[serde(default, skip_serializing_if = "Relative::says_nothing")]
    pub relative: Relative,
    /// Who needs to know; `None` is no restriction, the identity of the join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_to_know: Option<NeedToKnow>,
    /// Only these persons and services; `None` is everybody the depth admits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<BTreeSet<PrincipalId>>,
    /// Days a recipient must be able to keep the item.
    pub retention_min_days: u32,
    /// Whether a recipient must store it in Japan only.
    pub storage_jp_only: bool,
    /// Whether readers may only look: a way out of a conflict, never asked for by a level.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub view_only: bool,
    /// Not before this instant (embargo).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// Not after this instant (expiry).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<DateTime<Utc>>,
}

/// One value of the common rule.
///
/// ```
/// use sekisho::handling::{Join, Rule, Tlp};
/// let mut amber = Rule::unrestricted();
/// amber.access.tlp = Tlp::Amber;
/// assert_eq!(amber.join(&Rule::unrestricted()), amber);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Who may read.
    #[serde(flatten)]
    pub access: Access,
    /// Whom a rendition names as its creator.
    pub attribution: Attribution,
    /// Whom a reader may pass it on to.
    pub onward: Onward,
    /// Whose consent is needed before it leaves its CEPTOAR, and how it is given.
    pub approvals: BTreeMap<Approver, ApprovalMode>,
    /// Hours each approver has.
    pub reply_hours: BTreeMap<Approver, u32>,
    /// What no reply means for the item as a whole.
    pub no_reply: NoReply,
    /// Purposes it may serve; `None` is no restriction.
    pub purposes_allowed: Option<BTreeSet<String>>,
    /// Purposes it may never serve; wins over the allowed ones.
    pub purposes_prohibited: BTreeSet<String>,
    /// Days a recipient may keep it; `None` is no limit.
    pub retention_max_days: Option<u32>,
    /// What machines may do with it.
    pub automated: Automated,
    /// When it becomes looser by age.
    #[serde(rename = "downgrade_after_days", with = "downgrade_days")]
    pub downgrade: Downgrade,
    /// Smallest group that may be counted.
    pub k: u32,
    /// Hours in which a reader acknowledges it; `None` is no duty.
    pub ack_hours: Option<u32>,
    /// Kinds of fact an anonymised rendition drops.
    pub anonymise: BTreeSet<String>,
    /// What a reader may do that others can notice.
    #[serde(default = "pap_clear")]
    pub pap: Pap,
}

const fn pap_clear() -> Pap {
    Pap::Clear
}

/// Writes null for "never" as the common rule does. `never` and "does not apply" are told apart
/// again by the TLP, which only [`Rule::normalised`] can see.
mod downgrade_days {
    use super::Downgrade;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Downgrade, serializer: S) -> Result<S::Ok, S::Error> {
        value.days().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Downgrade, D::Error> {
        Ok(
            Option::<u32>::deserialize(deserializer)?
                .map_or(Downgrade::Never, Downgrade::AfterDays),
        )
    }
}

impl Rule {
    /// The identity of the join: restricts nothing. Only ever a starting point for narrowing; it
    /// can be written in no file.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self {
            access: Access {
                tlp: Tlp::Clear,
                audience: Grants::unrestricted(),
                relative: Relative::Anything,
                need_to_know: None,
                named: None,
                retention_min_days: 0,
                storage_jp_only: false,
                view_only: false,
                not_before: None,
                not_after: None,
            },
            attribution: Attribution::NameOk,
            onward: Onward::FREE,
            approvals: BTreeMap::new(),
            reply_hours: BTreeMap::new(),
            no_reply: NoReply::Release,
            purposes_allowed: None,
            purposes_prohibited: BTreeSet::new(),
            retention_max_days: None,
            automated: Automated::Allow,
            downgrade: Downgrade::NotApplicable,
            k: 0,
            ack_hours: None,
            anonymise: BTreeSet::new(),
            pap: Pap::Clear,
        }
    }

    /// Restores what the written form cannot say: a CLEAR rule's null downgrade does not count.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        self.downgrade = Downgrade::from_days(self.downgrade.days(), self.access.tlp);
        self
    }

    /// The purposes that remain: allowed and not prohibited. `None` is no restriction but the
    /// prohibitions.
    #[must_use]
    pub fn purposes(&self) -> Option<BTreeSet<&str>> {
        self.purposes_allowed.as_ref().map(|allowed| {
            allowed
                .difference(&self.purposes_prohibited)
                .map(String::as_str)
                .collect()
        })
    }

    /// Whether the hub itself may use the item for `purpose` (`statistics`, `newsletter`).
    #[must_use]
    pub fn serves(&self, purpose: &str) -> bool {
        !self.purposes_prohibited.contains(purpose)
            && self
                .purposes_allowed
                .as_ref()
                .is_none_or(|allowed| allowed.contains(purpose))
    }
}

/// Joins two optional restrictions of which `None` is "no restriction".
fn both<T: Clone>(a: Option<&T>, b: Option<&T>, join: impl Fn(&T, &T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(join(a, b)),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}

fn intersection<T: Ord + Clone>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> BTreeSet<T> {
    a.intersection(b).cloned().collect()
}

fn union<T: Ord + Clone>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> BTreeSet<T> {
    a.union(b).cloned().collect()
}

/// The union of two maps; where both have a key, the stricter value by `stricter`.
fn merged<V: Copy>(
    a: &BTreeMap<Approver, V>,
    b: &BTreeMap<Approver, V>,
    stricter: impl Fn(V, V) -> V,
) -> BTreeMap<Approver, V> {
    let mut all = a.clone();
    for (who, value) in b {
        all.entry(who.clone())
            .and_modify(|mine| *mine = stricter(*mine, *value))
            .or_insert(*value);
    }
    all
}

impl Join for Access {
    fn join(&self, other: &Self) -> Self {
        Self {
            tlp: self.tlp.join(&other.tlp),
            audience: self.audience.join(&other.audience),
            relative: self.relative.join(&other.relative),
            need_to_know: both(
                self.need_to_know.as_ref(),
                other.need_to_know.as_ref(),
                NeedToKnow::join,
            ),
            named: both(self.named.as_ref(), other.named.as_ref(), intersection),
            retention_min_days: self.retention_min_days.max(other.retention_min_days),
            storage_jp_only: self.storage_jp_only || other.storage_jp_only,
            view_only: self.view_only || other.view_only,
            not_before: self.not_before.max(other.not_before),
            not_after: both(self.not_after.as_ref(), other.not_after.as_ref(), |a, b| {
                *a.min(b)
            }),
        }
    }
}

impl Join for Rule {
    fn join(&self, other: &Self) -> Self {
        Self {
            access: self.access.join(&other.access),
            attribution: self.attribution.join(&other.attribution),
            onward: self.onward.join(&other.onward),
            approvals: merged(&self.approvals, &other.approvals, |a, b| a.max(b)),
            reply_hours: merged(&self.reply_hours, &other.reply_hours, |a, b| a.min(b)),
            no_reply: self.no_reply.join(&other.no_reply),
            purposes_allowed: both(
                self.purposes_allowed.as_ref(),
                other.purposes_allowed.as_ref(),
                intersection,
            ),
            purposes_prohibited: union(&self.purposes_prohibited, &other.purposes_prohibited),
            retention_max_days: both(
                self.retention_max_days.as_ref(),
                other.retention_max_days.as_ref(),
                |a, b| *a.min(b),
            ),
            automated: self.automated.join(&other.automated),
            downgrade: self.downgrade.join(&other.downgrade),
            k: self.k.max(other.k),
            ack_hours: both(self.ack_hours.as_ref(), other.ack_hours.as_ref(), |a, b| {
                *a.min(b)
            }),
            anonymise: union(&self.anonymise, &other.anonymise),
            pap: self.pap.join(&other.pap),
        }
    }
}
