//! What a council file makes stricter for an item that is out already. A scheme is changed like a
//! law: an item keeps the version under which it was released; what the present version asks on top
//! applies at once, and what it would allow in addition does not.
//!
//! Pure, and for one item at a time. Who loses sight by it is [`super::sight`]'s question; taking the
//! entries out of the log is the exchange's act.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::council::{Directory, Origin};
use crate::handling::{ApprovalMode, Grants, Join, Level, Rule};

/// Splits an item's level as it is stored, `<scheme> v<version> <level>`.
#[must_use]
pub fn stored_level(label: &str) -> Option<(&str, u32, &str)> {
    let (scheme, rest) = label.split_once(" v")?;
    let (version, level) = rest.split_once(' ')?;
    Some((scheme, version.parse().ok()?, level))
}

/// What `new` asks, at `at`, of every item of `origin` under this level; `None` where the scheme or
/// the level is not there any more.
///
/// Who needs to know an item is said by its source, not by the level, so that dimension is left open.
pub(super) fn in_force(
    label: &str,
    origin: &Origin,
    new: &Directory,
    at: DateTime<Utc>,
) -> Option<Rule> {
    let (scheme, _, name) = stored_level(label)?;
    let (_, level) = new.level(scheme, name, at.date_naive())?;
    Some(value_over(new, level, origin, at))
}

/// A level's value over the bodies of a directory.
fn value_over(directory: &Directory, level: &Level, origin: &Origin, at: DateTime<Utc>) -> Rule {
    let mut rule = directory.level_rule(level, origin, at);
    rule.access.need_to_know = None;
    rule
}

/// The rule of an item released under `old_rule`, where `new` makes any dimension of it stricter at
/// `at`; `None` where nothing becomes stricter (law 8, law 2).
///
/// It is the join of `old_rule` with the present value of the same level for the same source, over
/// the bodies as they stand now, and with the charter. So it never widens; a level that is gone
/// leaves the item its rule; a body that moved to a narrower column is narrowed too. `level` is the
/// item's own, `<scheme> v<version> <level>`; of `origin` the sectors do not matter.
#[must_use]
pub fn stricter(
    old_rule: &Rule,
    level: &str,
    origin: &Origin,
    new: &Directory,
    at: DateTime<Utc>,
) -> Option<Rule> {
    let level = in_force(level, origin, new, at);
    let charter = new.charter(at.date_naive()).map(|(_, rule)| rule);
    narrowed(old_rule, level.as_ref().into_iter().chain(&charter))
}

/// All that `new` asks of items of `origin` under this level: what is joined with their rule where
/// [`tightened`] holds.
#[must_use]
pub fn asks(level: &str, origin: &Origin, new: &Directory, at: DateTime<Utc>) -> Rule {
    let charter = new.charter(at.date_naive()).map(|(_, rule)| rule);
    in_force(level, origin, new, at)
        .into_iter()
        .chain(charter)
        .fold(Rule::unrestricted(), |sum, rule| sum.join(&rule))
}

/// Whether `new` asks more than `old` of items of `origin` under this level, in the level's own value
/// or in the charter, each directory at its own time.
///
/// [`stricter`] is to be asked only where this holds. An item whose rule was loosened for good reason
/// (by its source's consent, or by age) stays as it is while nobody makes its level stricter.
#[must_use]
pub fn tightened(
    level: &str,
    origin: &Origin,
    old: (&Directory, DateTime<Utc>),
    new: (&Directory, DateTime<Utc>),
) -> bool {
    // Both over the bodies as they will stand: audiences follow a body that moves by themselves.
    let value = |(directory, at): (&Directory, DateTime<Utc>)| {
        let (scheme, _, name) = stored_level(level)?;
        let (_, level) = directory.level(scheme, name, at.date_naive())?;
        Some(value_over(new.0, level, origin, new.1))
    };
    let charter = |(directory, at): (&Directory, DateTime<Utc>)| {
        directory
            .charter(at.date_naive())
            .map_or_else(Rule::unrestricted, |(_, rule)| rule)
    };
    let levels = match (value(old), value(new)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => narrowed(&old, std::iter::once(&new)).is_some(),
    };
    let (old, new) = (charter(old), charter(new));
    levels || old.join(&new) != old
}

/// `old_rule` joined with all of `others`, where that says anything new.
pub(super) fn narrowed<'a>(
    old_rule: &Rule,
    others: impl Iterator<Item = &'a Rule>,
) -> Option<Rule> {
    let before = old_rule.clone().normalised();
    let mut joined = others.fold(before.clone(), |sum, rule| sum.join(rule));
    // A body that the old rule does not list has nothing, whether it is listed now or not; and an
    // approver in mode `none` is nobody.
    let listed: BTreeSet<_> = before
        .access
        .audience
        .iter()
        .map(|(body, _)| body)
        .collect();
    let audience: Grants = joined
        .access
        .audience
        .iter()
        .filter(|(body, _)| listed.contains(body))
        .map(|(body, grant)| (body.clone(), grant))
        .collect();
    joined.access.audience = audience;
    joined
        .approvals
        .retain(|who, mode| *mode != ApprovalMode::None || before.approvals.contains_key(who));
    let asked = &joined.approvals;
    joined
        .reply_hours
        .retain(|who, _| asked.contains_key(who) || before.reply_hours.contains_key(who));
    (joined != before).then_some(joined)
}
