//! The directory: one indexed, immutable snapshot of a council file in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use ipnet::IpNet;
use uuid::Uuid;

use super::body::{Body, BodyKind, Principal, PrincipalKind, Sector, Standing, role};
use super::charter::Subject;
use super::charter::evaluate::Conditions;
use super::file::{CouncilFile, SharingGroup};
use crate::handling::{
    Approver, BodyId, Column, Level, Part, Place, PrincipalId, Reach, Reader, Rule, Scheme, Seat,
    SectorCode,
};

/// What identifies a source: looked for in every anonymised rendition of its items.
#[derive(Clone, Debug, Default)]
pub struct IdentityMarks {
    /// Names and aliases.
    pub names: Vec<String>,
    /// Domains, subdomains included.
    pub domains: Vec<String>,
    /// Networks, addresses included.
    pub networks: Vec<IpNet>,
}

/// A council file in force.
#[derive(Clone, Debug)]
pub struct Directory {
    version: i64,
    file: CouncilFile,
    bodies: BTreeMap<BodyId, usize>,
    principals: BTreeMap<PrincipalId, usize>,
    with_operators: BTreeSet<BodyId>,
    /// The charter's policies, where it has any.
    conditions: Option<Arc<Conditions>>,
}

impl Directory {
    /// Indexes a checked file; `version` is the hub's number for it.
    #[must_use]
    pub fn new(version: i64, file: CouncilFile) -> Self {
        let index = |ids: Vec<&BodyId>| -> BTreeMap<BodyId, usize> {
            ids.into_iter().cloned().zip(0..).collect()
        };
        let bodies = index(file.bodies.iter().map(|body| &body.id).collect());
        let principals = file
            .principals
            .iter()
            .map(|principal| principal.id.clone())
            .zip(0..)
            .collect();
        let with_operators = file
            .bodies
            .iter()
            .flat_map(|body| body.ceptoars.iter().cloned())
            .collect();
        let policies = &file.charter.policies;
        let conditions = (!policies.is_empty()).then(|| Arc::new(Conditions::new(policies)));
        Self {
            version,
            file,
            bodies,
            principals,
            with_operators,
            conditions,
        }
    }

    /// The hub's number for this version of the council file.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The file as applied.
    #[must_use]
    pub const fn file(&self) -> &CouncilFile {
        &self.file
    }

    /// The namespace STIX ids of identities and level markings derive from.
    #[must_use]
    pub const fn namespace(&self) -> Uuid {
        self.file.council.namespace
    }

    /// A body by name.
    #[must_use]
    pub fn body(&self, id: &BodyId) -> Option<&Body> {
        self.bodies.get(id).and_then(|at| self.file.bodies.get(*at))
    }

    /// Every body.
    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        self.file.bodies.iter()
    }

    /// Every body in the order of their names, which is that of audiences.
    pub(super) fn bodies_by_name(&self) -> impl Iterator<Item = &Body> {
        let places = self.bodies.values();
        places.filter_map(|at| self.file.bodies.get(*at))
    }

    /// A person or service by name.
    #[must_use]
    pub fn principal(&self, id: &PrincipalId) -> Option<&Principal> {
        self.principals
            .get(id)
            .and_then(|at| self.file.principals.get(*at))
    }

    /// Every person and service.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.file.principals.iter()
    }

    /// A sector by code.
    #[must_use]
    pub fn sector(&self, code: &SectorCode) -> Option<&Sector> {
        self.file.sectors.iter().find(|sector| sector.code == *code)
    }

    /// A sharing group by its id.
    #[must_use]
    pub fn sharing_group(&self, id: Uuid) -> Option<&SharingGroup> {
        self.file.sharing_groups.iter().find(|group| group.id == id)
    }

    /// The scheme of that name in force on `day`: of its versions already effective the latest.
    #[must_use]
    pub fn scheme(&self, id: &str, day: NaiveDate) -> Option<&Scheme> {
        self.file
            .schemes
            .iter()
            .filter(|scheme| scheme.id == id && scheme.effective <= day)
            .max_by_key(|scheme| (scheme.effective, scheme.version))
    }

    /// Every scheme in force on `day`.
    #[must_use]
    pub fn schemes(&self, day: NaiveDate) -> Vec<&Scheme> {
        let mut present: BTreeMap<&str, &Scheme> = BTreeMap::new();
        for scheme in &self.file.schemes {
            let since = |scheme: &Scheme| (scheme.effective, scheme.version);
            let known = present.get(scheme.id.as_str());
            if scheme.effective <= day && known.is_none_or(|known| since(known) <= since(scheme)) {
                present.insert(&scheme.id, scheme);
            }
        }
        present.into_values().collect()
    }

    /// The council-wide rule and its version, where one is in force on `day`.
    #[must_use]
    pub fn charter(&self, day: NaiveDate) -> Option<(u32, Rule)> {
        let charter = &self.file.charter;
        charter
            .effective
            .is_none_or(|from| from <= day)
            .then(|| (charter.version, charter.rule()))
    }

    /// What the charter's policies take from `rule`, as parts to join with it: empty where it has
    /// none, or none in force on `day`.
    ///
    /// `rule` is what the levels, the source and the charter's own dimensions come to, or what was
    /// stored of an item: joining the parts with either only narrows it. Without a subject nobody
    /// receives the item.
    #[must_use]
    pub fn charter_takes(
        &self,
        subject: Option<&Subject>,
        rule: &Rule,
        day: NaiveDate,
    ) -> Vec<Part> {
        match (&self.conditions, self.charter(day)) {
            (Some(conditions), Some((version, _))) => {
                conditions.narrow(self, version, subject, rule, day)
            }
            _ => Vec::new(),
        }
    }

    /// Whether the charter has policies in force on `day`.
    #[must_use]
    pub fn has_policies(&self, day: NaiveDate) -> bool {
        self.policies(day).is_some()
    }

    /// The text of the charter's policies in force on `day`.
    #[must_use]
    pub fn policies(&self, day: NaiveDate) -> Option<&str> {
        self.charter(day)?;
        self.conditions.as_ref()?;
        Some(self.file.charter.policies.as_str())
    }

    /// The CEPTOAR whose rules apply to what `body` sends: itself, or for an operator its first.
    #[must_use]
    pub fn ceptoar_of<'a>(&'a self, body: &'a Body) -> &'a BodyId {
        body.ceptoars.first().unwrap_or(&body.id)
    }

    /// The sectors of a body: an operator's own, else those its CEPTOARs serve on `day`.
    #[must_use]
    pub fn sectors_of(&self, body: &Body, day: NaiveDate) -> BTreeSet<SectorCode> {
        if !body.sectors.is_empty() {
            return body.sectors.clone();
        }
        self.file
            .sectors
            .iter()
            .filter(|sector| {
                sector.ceptoars.iter().any(|dated| {
                    dated.holds(day)
                        && (dated.body == body.id || body.ceptoars.contains(&dated.body))
                })
            })
            .map(|sector| sector.code.clone())
            .collect()
    }

    /// In which column `body` stands towards items of `own`, on `day`. `None` is no column at all:
    /// operators (they read through their CEPTOAR), the council's office, attendees of a meeting.
    #[must_use]
    pub fn column(&self, body: &Body, own: &BodyId, day: NaiveDate) -> Option<Column> {
        if body.id == *own {
            return Some(Column::OwnCeptoar);
        }
        match (body.kind, body.standing) {
            (BodyKind::Operator | BodyKind::Council, _) | (_, Standing::Attendee) => None,
            (BodyKind::Ceptoar, Standing::Member) => Some(Column::OtherCeptoars),
            (BodyKind::Ceptoar | BodyKind::Agency, _) => Some(Column::Observers),
            (BodyKind::NationalCentre, _) => Some(Column::NationalCentre),
            (BodyKind::Ministry, _) => {
                let answers_to_it = self.body(own).is_some_and(|own| {
                    own.ministries
                        .iter()
                        .any(|dated| dated.body == body.id && dated.holds(day))
                });
                Some(if answers_to_it {
                    Column::OwnMinistry
                } else {
                    Column::OtherMinistries
                })
            }
        }
    }

    /// Whether the body has member operators; without them a grant stops at its analysts.
    #[must_use]
    pub fn has_operators(&self, body: &BodyId) -> bool {
        self.with_operators.contains(body)
    }

    /// Everything about a principal that a decision may depend on.
    #[must_use]
    pub fn reader(&self, principal: &Principal, now: DateTime<Utc>) -> Option<Reader> {
        let body = self.body(&principal.body)?;
        let mut places = Vec::new();
        let readable = body.standing != Standing::Attendee && body.kind != BodyKind::Council;
        if body.kind == BodyKind::Operator {
            if reads_as_member(principal) {
                let sectors = self.sectors_of(body, now.date_naive());
                places.extend(body.ceptoars.iter().map(|ceptoar| Place {
                    body: ceptoar.clone(),
                    reach: Reach::Member(sectors.clone()),
                }));
            }
        } else if readable && principal.has(role::POC) {
            places.push(Place {
                body: body.id.clone(),
                reach: Reach::Poc,
            });
        } else if readable && principal.has(role::ANALYST) {
            places.push(Place {
                body: body.id.clone(),
                reach: Reach::Analyst,
            });
        }
        Some(Reader {
            principal: principal.id.clone(),
            places,
            seats: seats(principal, body),
            capability: body.capability.unwrap_or_default(),
        })
    }

    /// Whether `principal` may answer in the name of `approver`.
    #[must_use]
    pub fn may_answer_for(&self, principal: &Principal, approver: &Approver) -> bool {
        principal.kind == PrincipalKind::Person
            && approver.parts().is_some_and(|(body, wanted)| {
                principal.body.as_str() == body
                    && (principal.has(wanted)
                        || wanted == role::SOURCE && self.holds_source_seat(principal))
            })
    }

    fn holds_source_seat(&self, principal: &Principal) -> bool {
        self.body(&principal.body).is_some_and(|body| {
            seats(principal, body).contains(&Seat::Approver {
                body: body.id.clone(),
                role: role::SOURCE.to_owned(),
            })
        })
    }

    /// What identifies these bodies.
    #[must_use]
    pub fn identity_marks<'a>(
        &self,
        bodies: impl IntoIterator<Item = &'a BodyId>,
    ) -> IdentityMarks {
        let mut marks = IdentityMarks::default();
        for body in bodies.into_iter().filter_map(|id| self.body(id)) {
            marks.names.extend(body.name.texts().map(str::to_owned));
            marks.names.extend(body.aliases.iter().cloned());
            marks.domains.extend(body.domains.iter().cloned());
            marks.networks.extend(body.networks.iter().copied());
        }
        marks
    }

    /// The scheme in force on `day` for what a body sends: its CEPTOAR's, else its own.
    #[must_use]
    pub fn scheme_of(&self, body: &BodyId, day: NaiveDate) -> Option<&Scheme> {
        let body = self.body(body)?;
        let ceptoar = self.body(self.ceptoar_of(body));
        let scheme = ceptoar
            .and_then(|ceptoar| ceptoar.scheme.as_deref())
            .or(body.scheme.as_deref())?;
        self.scheme(scheme, day)
    }

    /// A level by scheme and name, in force on `day`.
    #[must_use]
    pub fn level(&self, scheme: &str, level: &str, day: NaiveDate) -> Option<(&Scheme, &Level)> {
        let scheme = self.scheme(scheme, day)?;
        Some((scheme, scheme.level(level)?))
    }
}

fn reads_as_member(principal: &Principal) -> bool {
    [role::MEMBER, role::ANALYST, role::POC]
        .iter()
        .any(|wanted| principal.has(wanted))
}

fn speaks_for_source(principal: &Principal) -> bool {
    reads_as_member(principal) || principal.has(role::PUBLISHER)
}

/// The desk seats a principal holds. Admin, secretariat and auditor hold none by their role.
fn seats(principal: &Principal, body: &Body) -> BTreeSet<Seat> {
    let mut seats = BTreeSet::new();
    if principal.has(role::PUBLISHER) || principal.has(role::ADVISOR) {
        seats.insert(Seat::Publisher {
            body: body.id.clone(),
        });
    }
    // Where no operator is known the body itself is asked, and only those who send or answer for it.
    let answers = principal.has(role::PUBLISHER) || principal.has(role::POC);
    if body.kind == BodyKind::Operator && speaks_for_source(principal) || answers {
        if body.kind == BodyKind::Operator {
            seats.insert(Seat::Source {
                body: body.id.clone(),
            });
        }
        if principal.kind == PrincipalKind::Person {
            seats.insert(Seat::Approver {
                body: body.id.clone(),
                role: role::SOURCE.to_owned(),
            });
        }
    }
    if principal.kind == PrincipalKind::Person {
        for held in &principal.roles {
            seats.insert(Seat::Approver {
                body: body.id.clone(),
                role: held.clone(),
            });
        }
    }
    seats
}
