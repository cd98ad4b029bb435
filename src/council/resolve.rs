//! From a level, which speaks relative to its source, to a rule over concrete bodies; then the join
//! of everything that applies to one item.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Directory;
use crate::handling::{
    Access, Approver, BodyId, Clause, Column, Conflict, Depth, Downgrade, Grant, Grants, Join,
    Level, NeedToKnow, Part, Parties, PrincipalId, Relative, Rule, SectorCode, Tlp, conflicts,
    explain, join_all,
};

use super::body::{BodyKind, role};

/// Where an item comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The CEPTOAR whose rules apply (or the body itself, where it belongs to none).
    pub ceptoar: BodyId,
    /// The body that submitted it.
    pub submitter: BodyId,
    /// The operator it is about, where one is known.
    pub operator: Option<BodyId>,
    /// Its own sector and those the source names as useful.
    pub sectors: BTreeSet<SectorCode>,
}

/// Narrowings the source asks for one item, beside its level.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// Only these persons.
    pub named: Option<BTreeSet<PrincipalId>>,
    /// Embargo.
    pub not_before: Option<DateTime<Utc>>,
    /// Expiry.
    pub not_after: Option<DateTime<Utc>>,
}

impl Narrowing {
    fn rule(&self) -> Rule {
        let mut rule = Rule::unrestricted();
        rule.access.named.clone_from(&self.named);
        rule.access.not_before = self.not_before;
        rule.access.not_after = self.not_after;
        rule
    }

    fn says_nothing(&self) -> bool {
        self.named.is_none() && self.not_before.is_none() && self.not_after.is_none()
    }
}

/// The rule of one item, with its conflicts and the reasons for both.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The joined rule.
    pub rule: Rule,
    /// What does not work about it.
    pub conflicts: Vec<Conflict>,
    /// Per dimension, whose clause decided.
    pub clauses: Vec<Clause>,
}

/// The level's value for a source, over the bodies that `column` places.
///
/// `approver` turns the level's own names of approvers into concrete ones.
pub fn relative<'a>(
    level: &Level,
    bodies: impl IntoIterator<Item = (&'a BodyId, Option<Column>, bool)>,
    approver: impl Fn(&Approver) -> Approver,
) -> Rule {
    let mut audience = Grants::default();
    for (body, column, has_operators) in bodies {
        let Some(column) = column else { continue };
        let grant = level.audience.get(column);
        // A body without member operators stops at analyst.
        let stops = !has_operators && grant.depth() < Depth::Analyst;
        audience.set(
            body.clone(),
            if stops {
                Grant::new(Depth::Analyst, grant.form())
            } else {
                grant
            },
        );
    }
    let approvals: BTreeMap<_, _> = level
        .approvals
        .iter()
        .map(|(who, mode)| (approver(who), *mode))
        .collect();
    Rule {
        access: Access {
            tlp: level.tlp,
            audience,
            relative: Relative::Anything,
            need_to_know: None,
            named: None,
            retention_min_days: level.retention_min_days,
            storage_jp_only: level.storage_jp_only,
            not_before: None,
            not_after: None,
        },
        attribution: level.attribution,
        onward: level.onward,
        reply_hours: approvals
            .keys()
            .map(|who| (who.clone(), level.reply_hours))
            .collect(),
        approvals,
        no_reply: level.no_reply,
        purposes_allowed: Some(level.purposes_allowed.clone()),
        purposes_prohibited: level.purposes_prohibited.clone(),
        retention_max_days: level.retention_max_days,
        automated: level.automated,
        downgrade: Downgrade::from_days(level.downgrade_after_days, level.tlp),
        k: level.k,
        ack_hours: level.ack_hours,
        anonymise: level.anonymise.clone(),
        pap: level.pap,
    }
}

impl Directory {
    /// The value of `level` for items of `origin`, over every body of the directory.
    #[must_use]
    pub fn level_rule(&self, level: &Level, origin: &Origin, at: DateTime<Utc>) -> Rule {
        let day = at.date_naive();
        let anybody = BodyId::anybody();
        let placed = self
            .bodies()
            .map(|body| {
                (
                    &body.id,
                    self.column(body, &origin.ceptoar, day),
                    self.has_operators(&body.id),
                )
            })
            .chain((level.tlp == Tlp::Clear).then_some((&anybody, Some(Column::Observers), false)));
        let mut rule = relative(level, placed, |who| concrete(who, origin, self));
        rule.access.relative = Relative::One {
            own: origin.ceptoar.clone(),
            columns: level.audience,
        };
        rule.access.need_to_know = Some(NeedToKnow {
            sectors: origin.sectors.clone(),
            persons: BTreeSet::new(),
        });
        rule
    }

    /// The bodies whose points of contact, or whose readers, a conflict check asks about.
    pub(super) fn is_kind(&self, body: &BodyId, kinds: &[BodyKind]) -> bool {
        self.body(body)
            .is_some_and(|body| kinds.contains(&body.kind))
    }
}

/// `S1.poc` is the point of contact of the item's own CEPTOAR; `source` is another person of the
/// operator it came from, or where no operator is named, of the body that sent it.
fn concrete(who: &Approver, origin: &Origin, directory: &Directory) -> Approver {
    match who.parts() {
        None => Approver::of(
            origin.operator.as_ref().unwrap_or(&origin.submitter),
            role::SOURCE,
        ),
        Some((body, _)) if directory.body(&BodyId::from(body)).is_some() => who.clone(),
        Some((_, wanted)) => Approver::of(&origin.ceptoar, wanted),
    }
}

/// Resolves everything that applies to one item: its level, what the source narrowed, the charter.
#[must_use]
pub fn resolve(
    directory: &Directory,
    scheme: (&str, u32),
    level: &Level,
    origin: &Origin,
    narrowing: &Narrowing,
    at: DateTime<Utc>,
) -> Resolved {
    let mut rule = directory.level_rule(level, origin, at);
    if let (Some(named), Some(needs)) = (&narrowing.named, &mut rule.access.need_to_know) {
        needs.persons.clone_from(named);
    }
    let mut parts = vec![Part {
        label: format!(
            "{}: {} v{} {}",
            origin.ceptoar, scheme.0, scheme.1, level.level
        ),
        rule,
    }];
    if !narrowing.says_nothing() {
        parts.push(Part {
            label: format!("{}: the source's own narrowing", origin.submitter),
            rule: narrowing.rule(),
        });
    }
    if let Some((version, rule)) = directory.charter(at.date_naive()) {
        parts.push(Part {
            label: format!("charter v{version}"),
            rule,
        });
    }
    let rule = join_all(&parts).unwrap_or_else(Rule::unrestricted);
    let parties = Parties {
        origins: vec![(origin.ceptoar.clone(), origin.ceptoar.to_string())],
        is_ceptoar: &|body| {
            // A body that publishes under its own scheme is its own CEPTOAR here.
            *body == origin.ceptoar || directory.is_kind(body, &[BodyKind::Ceptoar])
        },
        is_government: &|body| {
            directory.is_kind(body, &[BodyKind::NationalCentre, BodyKind::Ministry])
        },
    };
    let conflicts = conflicts(&rule, &parties);
    let clauses = explain(&parts, &rule);
    Resolved {
        rule,
        conflicts,
        clauses,
    }
}

impl Resolved {
    /// Whose clauses decided a dimension.
    #[must_use]
    pub fn decided_by(&self, dimension: &str) -> Vec<String> {
        self.clauses
            .iter()
            .find(|clause| clause.dimension == dimension)
            .map(|clause| clause.decided_by.clone())
            .unwrap_or_default()
    }

    /// Joins a further rule, for a part or an origin that is stricter than the whole.
    #[must_use]
    pub fn narrowed_by(&self, other: &Rule) -> Rule {
        self.rule.join(other)
    }
}
