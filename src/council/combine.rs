//! `policy combine`: the join of any levels, of bodies in the directory or of nameless bodies of a
//! scheme, with every conflict code.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Directory;
use super::body::{BodyKind, Standing};
use super::resolve::{Origin, relative};
use crate::handling::{
    BodyId, Clause, Column, Conflict, Join, Level, Part, Parties, Relative, Rule, conflicts,
    explain, join_all,
};

/// One `BODY:LEVEL` or `SCHEME:LEVEL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// A body or scheme.
    pub who: String,
    /// A level's name; may itself contain colons, as `TLP:AMBER` does.
    pub level: String,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Combination {
    /// The joined common rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Conflict codes.
    pub conflicts: Vec<String>,
    /// Per dimension, which term decided.
    #[serde(skip)]
    pub clauses: Vec<Clause>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// The term has no colon.
    #[error("`{0}` is neither BODY:LEVEL nor SCHEME:LEVEL")]
    NotATerm(String),
    /// Neither a body nor a scheme.
    #[error("`{0}` is neither a body nor a scheme of the council")]
    Unknown(String),
    /// The body has no scheme of its own.
    #[error("body `{0}` has no handling scheme")]
    NoScheme(String),
    /// The scheme does not have the level.
    #[error("scheme `{scheme}` has no level `{level}`; it has {known}")]
    UnknownLevel {
        /// The scheme.
        scheme: String,
        /// The level asked for.
        level: String,
        /// Its levels.
        known: String,
    },
    /// Nothing to combine.
    #[error("nothing to combine: give at least one BODY:LEVEL or SCHEME:LEVEL")]
    Nothing,
}

impl std::str::FromStr for Term {
    type Err = CombineError;

    fn from_str(text: &str) -> Result<Self, CombineError> {
        match text.split_once(':') {
            Some((who, level)) if !who.is_empty() && !level.is_empty() => Ok(Self {
                who: who.to_owned(),
                level: level.to_owned(),
            }),
            _ => Err(CombineError::NotATerm(text.to_owned())),
        }
    }
}

/// Joins the levels.
///
/// Where every term is a scheme's name, the audience is over one nameless CEPTOAR per scheme, one
/// outside them all (`ceptoar:OTHER`), the national centre, the ministries and the observers. With
/// a body among the terms it is over the directory, and each nameless CEPTOAR beside it.
///
/// # Errors
/// When a term names nothing known.
pub fn combine(
    directory: &Directory,
    terms: &[Term],
    at: DateTime<Utc>,
) -> Result<Combination, CombineError> {
    let universe = Universe::new(directory, terms, at)?;
    let mut parts = Vec::new();
    let mut origins: BTreeMap<BodyId, String> = BTreeMap::new();
    for term in terms {
        let (part, origin, name) = universe.part(term)?;
        parts.push(part);
        origins.insert(origin, name);
    }
    if let Some((version, rule)) = directory.charter(at.date_naive()) {
        parts.push(Part {
            label: format!("charter v{version}"),
            rule,
        });
    }
    let rule = join_all(&parts).ok_or(CombineError::Nothing)?;
    let parties = Parties {
        origins: origins.into_iter().collect(),
        is_ceptoar: &|body| universe.is_ceptoar(body),
        is_government: &|body| universe.is_government(body),
    };
    Ok(Combination {
        conflicts: conflicts(&rule, &parties)
            .iter()
            .map(Conflict::to_string)
            .collect(),
        clauses: explain(&parts, &rule),
        rule,
    })
}

const OTHER: &str = "ceptoar:OTHER";
const CENTRE: &str = "national_centre";
const OBSERVERS: &str = "observers";

struct Universe<'a> {
    directory: &'a Directory,
    at: DateTime<Utc>,
    /// Nameless CEPTOARs, by scheme.
    nameless: BTreeSet<&'a str>,
    /// Whether only nameless bodies are asked about.
    abstract_only: bool,
}

impl<'a> Universe<'a> {
    fn new(
        directory: &'a Directory,
        terms: &'a [Term],
        at: DateTime<Utc>,
    ) -> Result<Self, CombineError> {
        let day = at.date_naive();
        let mut named_schemes = BTreeSet::new();
        let mut abstract_only = true;
        for term in terms {
            if directory.body(&BodyId::from(term.who.as_str())).is_some() {
                abstract_only = false;
            } else if directory.scheme(&term.who, day).is_some() {
                named_schemes.insert(term.who.as_str());
            } else {
                return Err(CombineError::Unknown(term.who.clone()));
            }
        }
        let nameless = if abstract_only {
            directory
                .schemes(day)
                .iter()
                .map(|s| s.id.as_str())
                .collect()
        } else {
            named_schemes
        };
        Ok(Self {
            directory,
            at,
            nameless,
            abstract_only,
        })
    }

    fn part(&self, term: &Term) -> Result<(Part, BodyId, String), CombineError> {
        let day = self.at.date_naive();
        let body = self.directory.body(&BodyId::from(term.who.as_str()));
        let scheme_id = match body {
            None => term.who.as_str(),
            Some(body) => body
                .scheme
                .as_deref()
                .or_else(|| {
                    let ceptoar = self.directory.body(self.directory.ceptoar_of(body))?;
                    ceptoar.scheme.as_deref()
                })
                .ok_or_else(|| CombineError::NoScheme(term.who.clone()))?,
        };
        let scheme = self
            .directory
            .scheme(scheme_id, day)
            .ok_or_else(|| CombineError::NoScheme(term.who.clone()))?;
        let level = scheme
            .level(&term.level)
            .ok_or_else(|| CombineError::UnknownLevel {
                scheme: scheme.id.clone(),
                level: term.level.clone(),
                known: scheme
                    .levels
                    .iter()
                    .map(|level| format!("`{}`", level.level))
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        let (own, name) = match body {
            None => (nameless(&scheme.id), scheme.id.clone()),
            Some(body) => {
                let own = self.directory.ceptoar_of(body).clone();
                let name = own.to_string();
                (own, name)
            }
        };
        let rule = match body {
            None => self.nameless_rule(level, &own, scheme.nameless_ministry.as_ref()),
            Some(body) => {
                let origin = Origin {
                    ceptoar: own.clone(),
                    submitter: body.id.clone(),
                    operator: (body.kind == BodyKind::Operator).then(|| body.id.clone()),
                    sectors: BTreeSet::new(),
                };
                let mut rule = self.directory.level_rule(level, &origin, self.at);
                rule.access.need_to_know = None;
                rule.access.relative = Relative::Anything;
                for scheme in &self.nameless {
                    let grant = level.audience.get(Column::OtherCeptoars);
                    rule.access.audience.set(nameless(scheme), grant);
                }
                rule
            }
        };
        let label = format!("{name}: {} v{} {}", scheme.id, scheme.version, level.level);
        Ok((Part { label, rule }, own, name))
    }

    /// The value of a level for a nameless body of its scheme.
    fn nameless_rule(&self, level: &Level, own: &BodyId, ministry: Option<&BodyId>) -> Rule {
        let bodies = self.bodies();
        let placed = bodies.iter().map(|(body, kind)| {
            let column = if body == own {
                Some(Column::OwnCeptoar)
            } else {
                match kind {
                    Kind::Ceptoar => Some(Column::OtherCeptoars),
                    Kind::Centre => Some(Column::NationalCentre),
                    Kind::Ministry(id) if Some(*id) == ministry => Some(Column::OwnMinistry),
                    Kind::Ministry(_) => Some(Column::OtherMinistries),
                    Kind::Observer => Some(Column::Observers),
                    Kind::Directory(id) => self
                        .directory
                        .body(id)
                        .and_then(|body| self.directory.column(body, own, self.at.date_naive())),
                }
            };
            (
                body,
                column,
                *kind == Kind::Ceptoar || self.directory.has_operators(body),
            )
        });
        let mut rule = relative(level, placed, Clone::clone);
        // Which ministry a nameless body answers to is data; without it, neither column is assumed
        // to be the looser one.
        if ministry.is_none() && !self.abstract_only {
            let own_ministry = level.audience.get(Column::OwnMinistry);
            for body in self
                .directory
                .bodies()
                .filter(|b| b.kind == BodyKind::Ministry)
            {
                let narrower = rule.access.audience.get(&body.id).join(&own_ministry);
                rule.access.audience.set(body.id.clone(), narrower);
            }
        }
        rule
    }

    fn bodies(&self) -> Vec<(BodyId, Kind<'a>)> {
        let mut all: Vec<(BodyId, Kind<'a>)> = self
            .nameless
            .iter()
            .map(|scheme| (nameless(scheme), Kind::Ceptoar))
            .collect();
        if self.abstract_only {
            all.push((BodyId::from(OTHER), Kind::Ceptoar));
            all.push((BodyId::from(CENTRE), Kind::Centre));
            all.push((BodyId::from(OBSERVERS), Kind::Observer));
            for body in self
                .directory
                .bodies()
                .filter(|b| b.kind == BodyKind::Ministry)
            {
                all.push((
                    BodyId::from(format!("ministry:{}", body.id)),
                    Kind::Ministry(&body.id),
                ));
            }
        } else {
            for body in self.directory.bodies() {
                all.push((body.id.clone(), Kind::Directory(&body.id)));
            }
        }
        all
    }

    fn is_ceptoar(&self, body: &BodyId) -> bool {
        body.as_str().starts_with("ceptoar:")
            || self.directory.body(body).is_some_and(|body| {
                body.kind == BodyKind::Ceptoar && body.standing == Standing::Member
            })
    }

    fn is_government(&self, body: &BodyId) -> bool {
        body.as_str() == CENTRE
            || body.as_str().starts_with("ministry:")
            || self
                .directory
                .is_kind(body, &[BodyKind::NationalCentre, BodyKind::Ministry])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    Ceptoar,
    Centre,
    Ministry(&'a BodyId),
    Observer,
    Directory(&'a BodyId),
}

fn nameless(scheme: &str) -> BodyId {
    BodyId::from(format!("ceptoar:{scheme}"))
}
