//! From a level, which speaks relative to its source, to a rule over concrete bodies; then the join
//! of everything that applies to one item.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Directory, Facts, Subject};
use crate::handling::{
    Access, Approver, BodyId, Clause, Column, Conflict, Depth, Downgrade, Grant, Grants, Join,
    Level, NeedToKnow, Part, Parties, PrincipalId, Relative, Rule, SectorCode, Tlp, conflicts,
    explain, join_all, without_people,
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

impl Origin {
    /// An item from here as the charter's policies see it.
    #[must_use]
    pub fn subject(&self, scheme: &str, level: &str, facts: &Facts) -> Subject {
        Subject {
            ceptoar: self.ceptoar.clone(),
            submitter: self.submitter.clone(),
            operator: self.operator.clone(),
            scheme: scheme.to_owned(),
            level: level.to_owned(),
            facts: facts.clone(),
        }
    }
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
    /// What its own markings ask beside a level: a PAP, a policy.
    pub marked: Option<Box<Rule>>,
}

impl Narrowing {
    fn rule(&self) -> Rule {
        let mut rule = Rule::unrestricted();
        if let Some(marked) = &self.marked {
            rule = rule.join(marked);
        }
        rule.access.named.clone_from(&self.named);
        rule.access.not_before = rule.access.not_before.max(self.not_before);
        rule.access.not_after = [rule.access.not_after, self.not_after]
            .into_iter()
            .flatten()
            .min();
        rule
    }

    fn says_nothing(&self) -> bool {
        self.named.is_none()
            && self.not_before.is_none()
            && self.not_after.is_none()
            && self.marked.is_none()
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
    /// What was joined.
    pub parts: Vec<Part>,
    /// The item as the charter's policies see it: kept, so that a stricter charter can ask again.
    pub subject: Option<Subject>,
}

/// A part of a combined item: its rule, and whose it is.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The CEPTOAR whose item the part is.
    pub ceptoar: BodyId,
    /// How its reader may speak of it: the CEPTOAR's name, or only "part n" where its source is not
    /// to be named.
    pub name: String,
    /// The part's rule.
    pub rule: Rule,
}

/// The level's value for a source, over the bodies that `column` places.
///
/// `approver` turns the level's own names of approvers into concrete ones.
pub fn relative<'a>(
    level: &Level,
    bodies: impl IntoIterator<Item = (&'a BodyId, Option<Column>, bool)>,
    approver: impl Fn(&Approver) -> Approver,
) -> Rule {
    let placed = bodies
        .into_iter()
        .filter_map(|(body, column, has_operators)| {
            let grant = level.audience.get(column?);
            // A body without member operators stops at analyst.
            let stops = !has_operators && grant.depth() < Depth::Analyst;
            let grant = if stops {
                Grant::new(Depth::Analyst, grant.form())
            } else {
                grant
            };
            Some((body.clone(), grant))
        });
    let audience: Grants = placed.collect();
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
            view_only: false,
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
            .bodies_by_name()
            .map(|body| {
                // Operators that join the source's CEPTOAR later are its members as if they had been
                // there: its own column is never cut to those who are.
                let own = body.id == origin.ceptoar && body.kind == BodyKind::Ceptoar;
                (
                    &body.id,
                    self.column(body, &origin.ceptoar, day),
                    own || self.has_operators(&body.id),
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

/// The conflicts of a rule, for the CEPTOARs whose items went into it, each with the name its code
/// bears.
#[must_use]
pub fn conflicts_of(
    directory: &Directory,
    rule: &Rule,
    origins: Vec<(BodyId, String)>,
) -> Vec<Conflict> {
    let own: BTreeSet<BodyId> = origins.iter().map(|(body, _)| body.clone()).collect();
    let parties = Parties {
        origins,
        // A body that publishes under its own scheme is its own CEPTOAR here.
        is_ceptoar: &|body| own.contains(body) || directory.is_kind(body, &[BodyKind::Ceptoar]),
        is_government: &|body| {
            directory.is_kind(body, &[BodyKind::NationalCentre, BodyKind::Ministry])
        },
    };
    conflicts(rule, &parties)
}

/// Resolves everything that applies to one item: its level, what the source narrowed, the charter.
///
/// `facts` are what the charter's policies ask of the item beside its rule; where the charter has
/// policies and the facts are not given, nobody receives it.
#[must_use]
pub fn resolve(
    directory: &Directory,
    scheme: (&str, u32),
    level: &Level,
    origin: &Origin,
    narrowing: &Narrowing,
    facts: Option<&Facts>,
    at: DateTime<Utc>,
) -> Resolved {
    let subject = facts.map(|facts| origin.subject(scheme.0, &level.level, facts));
    resolve_level(directory, scheme, level, origin, narrowing, at)
        .under_policies(directory, origin, subject, at)
}

/// The same without the charter's policies: what a level could ever give, whatever the item is. They
/// can only take from it.
#[must_use]
pub fn resolve_level(
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
    let origins = vec![(origin.ceptoar.clone(), origin.ceptoar.to_string())];
    Resolved {
        conflicts: conflicts_of(directory, &rule, origins),
        clauses: explain(&parts, &rule),
        rule,
        parts,
        subject: None,
    }
}

impl Resolved {
    /// Joins what the charter's policies take.
    #[must_use]
    pub fn under_policies(
        mut self,
        directory: &Directory,
        origin: &Origin,
        subject: Option<Subject>,
        at: DateTime<Utc>,
    ) -> Self {
        let taken = directory.charter_takes(subject.as_ref(), &self.rule, at.date_naive());
        self.subject = subject;
        if !directory.has_policies(at.date_naive()) {
            return self;
        }
        let before = self.rule.access.audience.clone();
        self.rule = taken
            .iter()
            .fold(self.rule, |sum, part| sum.join(&part.rule));
        let given = before_and_after(&before, &self.rule.access.audience);
        self.rule.access.relative =
            spared(directory, origin, &self.rule.access.relative, &given, at);
        if !taken.is_empty() {
            let origins = vec![(origin.ceptoar.clone(), origin.ceptoar.to_string())];
            self.conflicts = conflicts_of(directory, &self.rule, origins);
            // The policies speak of the audience alone.
            self.parts.extend(taken);
            let all = explain(&self.parts, &self.rule);
            for (clause, whole) in self.clauses.iter_mut().zip(all) {
                if clause.dimension.starts_with("audience.") {
                    *clause = whole;
                }
            }
        }
        self
    }
    /// Joins the rules of what an item was made of (law 7), and looks for conflicts anew.
    #[must_use]
    pub fn made_of(mut self, directory: &Directory, origin: &Origin, wholes: &[Whole]) -> Self {
        let own = &origin.ceptoar;
        let mine = self.rule.clone();
        let mut origins = vec![(own.clone(), own.to_string())];
        for (at, whole) in wholes.iter().enumerate() {
            self.parts.push(Part {
                label: format!("part {}", at + 1),
                rule: whole.rule.clone(),
            });
            origins.push((whole.ceptoar.clone(), whole.name.clone()));
        }
        let relative = wholes
            .iter()
            .fold(self.rule.access.relative.clone(), |sum, whole| {
                sum.join(&whole.rule.access.relative)
            });
        self.rule = join_all(&self.parts).unwrap_or(self.rule);
        self.rule.access.relative = relative;
        self.conflicts = conflicts_of(directory, &self.rule, origins);
        self.clauses = explain(&self.parts, &self.rule);
        for clause in &mut self.clauses {
            spare_people(clause, &mine, origin);
        }
        self
    }

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

/// Bodies that the level gave something, and whether the policies left all of it.
fn before_and_after(before: &Grants, after: &Grants) -> BTreeMap<BodyId, bool> {
    before
        .iter()
        .filter(|(_, grant)| !grant.is_none())
        .map(|(body, grant)| (body.clone(), after.get(body) == grant))
        .collect()
}

/// What a rule that is out leaves to bodies that come to stand elsewhere, once policies have been
/// asked of it anew and have taken these parts.
#[must_use]
pub fn left_to_later(
    directory: &Directory,
    origin: &Origin,
    rule: &Rule,
    taken: &[Part],
    at: DateTime<Utc>,
) -> Relative {
    let after = taken
        .iter()
        .fold(rule.clone(), |sum, part| sum.join(&part.rule));
    let given = before_and_after(&rule.access.audience, &after.access.audience);
    spared(directory, origin, &rule.access.relative, &given, at)
}

/// What a later body may have of a column: nothing, where the policies took from a body in it, or no
/// body in it was asked about. They are asked for each item when it is released and not again.
fn spared(
    directory: &Directory,
    origin: &Origin,
    relative: &Relative,
    given: &BTreeMap<BodyId, bool>,
    at: DateTime<Utc>,
) -> Relative {
    let Relative::One { own, columns } = relative else {
        return relative.clone();
    };
    let stands = |body: &BodyId| {
        let body = directory.body(body)?;
        directory.column(body, &origin.ceptoar, at.date_naive())
    };
    let columns = Column::ALL.into_iter().fold(*columns, |sum, column| {
        let mut asked = given
            .iter()
            .filter(|(body, _)| stands(body) == Some(column));
        let some = asked.clone().next().is_some();
        if some && asked.all(|(_, kept)| *kept) {
            sum
        } else {
            sum.with(column, Grant::NONE)
        }
    });
    Relative::One {
        own: own.clone(),
        columns,
    }
}

/// A part's clause may name people and bodies that its reader does not know: of approvers, deadlines
/// and named persons only the item's own show, beside whose clauses decided (law 4).
fn spare_people(clause: &mut Clause, mine: &Rule, origin: &Origin) {
    let own = |who: &Approver| {
        who.parts().is_some_and(|(body, _)| {
            body == origin.ceptoar.as_str()
                || body == origin.submitter.as_str()
                || origin
                    .operator
                    .as_ref()
                    .is_some_and(|own| own.as_str() == body)
        })
    };
    let value = match clause.dimension.as_str() {
        "approvals" | "reply_hours" => {
            let serde_json::Value::Object(all) = &clause.value else {
                return;
            };
            let shown = all
                .iter()
                .filter(|(who, _)| own(&Approver::from(who.as_str())));
            let shown = shown.map(|(who, value)| (who.clone(), value.clone()));
            serde_json::Value::Object(shown.collect())
        }
        "named" => serde_json::to_value(&mine.access.named).unwrap_or_default(),
        "need_to_know" => serde_json::to_value(&mine.access.need_to_know).unwrap_or_default(),
        _ => return,
    };
    clause.value = without_people(&clause.dimension, value);
}
