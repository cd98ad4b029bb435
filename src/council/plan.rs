//! What a new council file changes, before anything changes: a schema of law is altered with its
//! consequences on the table.
//!
//! [`diff`] compares two files clause by clause, and says of every level and dimension whether it
//! becomes stricter or looser. [`stricter`] is what the new file asks on top of one item's rule, and
//! [`sight`] who gains or loses sight of which stored items. Pure; putting a file in force is the
//! exchange's act.

mod classes;
pub mod sight;
mod stricter;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;

pub use sight::{Alike, Change, Effect, Impact, ItemRef, Share, Stands, Stored, Sum, impact};
pub use stricter::{asks, stored_level, stricter, tightened};

use super::Directory;
use super::resolve::relative;
use crate::handling::{Approver, BodyId, Column, Join, Level, Rule, Scheme};

/// Everything that differs between two council files.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// As of when versions count as in force.
    pub at: DateTime<Utc>,
    /// The council's own entry and anything else that is no list.
    pub council: Vec<Field>,
    /// Sectors.
    pub sectors: Vec<Entry>,
    /// Bodies, with standing, relations and what they declare.
    pub bodies: Vec<Entry>,
    /// People and services.
    pub principals: Vec<Entry>,
    /// Versions of schemes.
    pub schemes: Vec<SchemeChange>,
    /// The charter.
    pub charter: Vec<Turn>,
    /// Days to come on which something in the new file begins or ends to hold.
    pub moments: BTreeSet<NaiveDate>,
    /// What is easily overlooked.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether the files say the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.council.is_empty()
            && self.sectors.is_empty()
            && self.bodies.is_empty()
            && self.principals.is_empty()
            && self.schemes.is_empty()
            && self.charter.is_empty()
    }
}

/// What became of an entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Only the new file has it.
    Added,
    /// Only the old file has it.
    Removed,
    /// Both have it, and it differs.
    Changed,
}

/// A field that differs; null is "not stated".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Field {
    /// Its name in the file.
    pub field: String,
    /// Its old value.
    pub from: Value,
    /// Its new value.
    pub to: Value,
}

/// An entry of a list that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its name.
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// What differs, where both files have it.
    pub fields: Vec<Field>,
}

/// Which way a dimension turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The new value alone is the join of both.
    Stricter,
    /// The old value alone is.
    Looser,
    /// Neither is: some of it becomes stricter and some looser.
    Both,
}

/// A dimension that turns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Turn {
    /// Its name, such as `tlp`, `audience.observers` or `approvals.S1.poc`.
    pub dimension: String,
    /// Its old value.
    pub from: Value,
    /// Its new value.
    pub to: Value,
    /// Which way.
    pub direction: Direction,
}

/// A level that differs from the version before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelChange {
    /// Its name.
    pub level: String,
    /// What became of it. Items under a level that is removed keep their rule.
    pub fate: Fate,
    /// Each dimension that turns.
    pub turns: Vec<Turn>,
}

/// A version of a scheme that only one file has, or that both have with different text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SchemeChange {
    /// The scheme.
    pub scheme: String,
    /// The version.
    pub version: u32,
    /// From which day on.
    pub effective: NaiveDate,
    /// Whether it is the version in force by the new file.
    pub in_force: bool,
    /// What became of the version.
    pub fate: Fate,
    /// With what it is compared: the version before it, or itself in the old file.
    pub compared_with: Option<u32>,
    /// What differs beside the levels (`default_level`, `unmarked`, …).
    pub fields: Vec<Field>,
    /// Each level that differs.
    pub levels: Vec<LevelChange>,
}

/// Compares two council files, clause by clause, as of `at`.
#[must_use]
pub fn diff(old: &Directory, new: &Directory, at: DateTime<Utc>) -> Plan {
    let (before, after) = (as_value(old.file()), as_value(new.file()));
    let list = |name: &str, key: &str| entries(before.get(name), after.get(name), key);
    let listed = ["sectors", "bodies", "principals", "schemes", "charter"];
    let mut plan = Plan {
        at,
        council: fields(&before, &after, &listed),
        sectors: list("sectors", "code"),
        bodies: list("bodies", "id"),
        principals: list("principals", "id"),
        schemes: Vec::new(),
        charter: charter(old, new),
        moments: moments(new, at.date_naive()),
        warnings: Vec::new(),
    };
    schemes(old, new, at.date_naive(), &mut plan);
    plan
}

/// The days after `day` on which something in a file begins or ends to hold: versions of schemes, the
/// charter, relations of bodies and sectors.
#[must_use]
pub fn moments(directory: &Directory, day: NaiveDate) -> BTreeSet<NaiveDate> {
    let file = directory.file();
    let relations = file
        .bodies
        .iter()
        .flat_map(|body| &body.ministries)
        .chain(file.sectors.iter().flat_map(|sector| &sector.ceptoars))
        .flat_map(|dated| dated.from.into_iter().chain(dated.until));
    file.schemes
        .iter()
        .map(|scheme| scheme.effective)
        .chain(file.charter.effective)
        .chain(relations)
        .filter(|date| *date > day)
        .collect()
}

fn as_value<T: Serialize>(value: &T) -> Value {
    // A council file is plain data; what could not be written as JSON could not have been read.
    serde_json::to_value(value).unwrap_or_default()
}

/// The members of two objects that differ, but for `skipped`.
fn fields(before: &Value, after: &Value, skipped: &[&str]) -> Vec<Field> {
    let names: BTreeSet<&String> = [before, after]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|members| members.keys())
        .collect();
    names
        .into_iter()
        .filter(|name| !skipped.contains(&name.as_str()))
        .filter_map(|name| {
            let value = |of: &Value| of.get(name).cloned().unwrap_or_default();
            let (from, to) = (value(before), value(after));
            (from != to).then(|| Field {
                field: name.clone(),
                from,
                to,
            })
        })
        .collect()
}

fn entries(before: Option<&Value>, after: Option<&Value>, key: &str) -> Vec<Entry> {
    let by_name = |list: Option<&Value>| -> BTreeMap<String, Value> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items
            .map(|item| {
                let name = item.get(key).and_then(Value::as_str).unwrap_or_default();
                (name.to_owned(), item.clone())
            })
            .collect()
    };
    let (before, after) = (by_name(before), by_name(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (fate, fields) = match (before.get(name), after.get(name)) {
                (None, _) => (Fate::Added, Vec::new()),
                (_, None) => (Fate::Removed, Vec::new()),
                (Some(was), Some(is)) if was != is => (Fate::Changed, fields(was, is, &[])),
                _ => return None,
            };
            Some(Entry {
                id: name.clone(),
                fate,
                fields,
            })
        })
        .collect()
}

fn charter(old: &Directory, new: &Directory) -> Vec<Turn> {
    let (was, is) = (&old.file().charter, &new.file().charter);
    let mut found = turns(&was.rule(), &is.rule());
    let named: BTreeSet<String> = found.iter().map(|turn| turn.dimension.clone()).collect();
    // Beside the dimensions: version, date, and whatever else a charter may say one day.
    for field in fields(&as_value(was), &as_value(is), &[]) {
        let known = named
            .iter()
            .any(|name| *name == field.field || name.starts_with(&format!("{}.", field.field)));
        if !known {
            found.push(Turn {
                dimension: field.field,
                from: field.from,
                to: field.to,
                direction: Direction::Both,
            });
        }
    }
    found
}

fn schemes(old: &Directory, new: &Directory, day: NaiveDate, plan: &mut Plan) {
    let versions = |directory: &Directory| -> BTreeMap<(String, u32), Scheme> {
        let all = directory.file().schemes.iter();
        all.map(|scheme| ((scheme.id.clone(), scheme.version), scheme.clone()))
            .collect()
    };
    let (was, is) = (versions(old), versions(new));
    let keys: BTreeSet<&(String, u32)> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let (id, version) = key;
        let (fate, scheme, compared) = match (was.get(key), is.get(key)) {
            (Some(was), None) => (Fate::Removed, was, None),
            (None, Some(added)) => {
                let before = is
                    .values()
                    .filter(|one| one.id == *id && order(one) < order(added))
                    .max_by_key(|one| order(one));
                (Fate::Added, added, before)
            }
            (Some(was), Some(is)) if was != is => (Fate::Changed, is, Some(was)),
            _ => continue,
        };
        let in_force = new
            .scheme(id, day)
            .is_some_and(|one| one.version == *version);
        match fate {
            Fate::Changed => plan.warnings.push(format!(
                "scheme {id} version {version} is altered under its own number; items name the version they were released under, so give what changes a new one"
            )),
            Fate::Added if scheme.effective <= day && was.keys().any(|(one, _)| one == id) => {
                plan.warnings.push(format!(
                    "scheme {id} version {version} is effective since {}, which is past: it is in force as soon as the file is",
                    scheme.effective
                ));
            }
            Fate::Removed if is.keys().all(|(one, _)| one != id) => plan.warnings.push(format!(
                "scheme {id} is gone; items released under it keep their rule"
            )),
            _ => {}
        }
        let (fields, levels) = if fate == Fate::Removed {
            (Vec::new(), Vec::new())
        } else {
            let before = compared.map(as_value).unwrap_or_default();
            let skipped = ["id", "version", "effective", "levels"];
            (
                fields(&before, &as_value(scheme), &skipped),
                level_changes(compared, scheme),
            )
        };
        plan.schemes.push(SchemeChange {
            scheme: id.clone(),
            version: *version,
            effective: scheme.effective,
            in_force,
            fate,
            compared_with: compared.map(|scheme| scheme.version),
            fields,
            levels,
        });
    }
}

/// Versions in the order in which they take force.
const fn order(scheme: &Scheme) -> (NaiveDate, u32) {
    (scheme.effective, scheme.version)
}

fn level_changes(before: Option<&Scheme>, after: &Scheme) -> Vec<LevelChange> {
    let was = |name: &str| before.and_then(|scheme| scheme.level(name));
    let mut found: Vec<LevelChange> = after
        .levels
        .iter()
        .filter_map(|level| {
            let Some(was) = was(&level.level) else {
                return Some(LevelChange {
                    level: level.level.clone(),
                    fate: Fate::Added,
                    turns: Vec::new(),
                });
            };
            let turns = turns(&columns(was), &columns(level));
            (!turns.is_empty()).then(|| LevelChange {
                level: level.level.clone(),
                fate: Fate::Changed,
                turns,
            })
        })
        .collect();
    let gone = before.into_iter().flat_map(|scheme| &scheme.levels);
    found.extend(
        gone.filter(|level| after.level(&level.level).is_none())
            .map(|level| LevelChange {
                level: level.level.clone(),
                fate: Fate::Removed,
                turns: Vec::new(),
            }),
    );
    found
}

/// A level as a rule over its own columns, so that any two can be joined.
fn columns(level: &Level) -> Rule {
    let named: Vec<(BodyId, Column)> = Column::ALL
        .into_iter()
        .map(|column| (BodyId::from(column.word()), column))
        .collect();
    let placed = named
        .iter()
        .map(|(name, column)| (name, Some(*column), true));
    relative(level, placed, Approver::clone)
}

/// Each dimension in which two rules differ, and which way it turns: the join decides what is
/// stricter, so nothing here has an opinion of its own.
#[must_use]
pub fn turns(before: &Rule, after: &Rule) -> Vec<Turn> {
    let joined = flat(&before.join(after));
    let (before, after) = (flat(before), flat(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let value = |of: &BTreeMap<String, Value>| of.get(name).cloned().unwrap_or_default();
            let (from, to, both) = (value(&before), value(&after), value(&joined));
            let direction = if from == to {
                return None;
            } else if both == to {
                Direction::Stricter
            } else if both == from {
                Direction::Looser
            } else {
                Direction::Both
            };
            Some(Turn {
                dimension: name.clone(),
                from,
                to,
                direction,
            })
        })
        .collect()
}

/// A rule as one value per dimension; what is one value per body, approver or third party as one
/// for each.
fn flat(rule: &Rule) -> BTreeMap<String, Value> {
    let Value::Object(members) = as_value(rule) else {
        return BTreeMap::new();
    };
    let mut all = BTreeMap::new();
    for (name, value) in members {
        match value {
            Value::Object(parts) => {
                for (part, value) in parts {
                    all.insert(format!("{name}.{part}"), value);
                }
            }
            Value::Array(mut items) => {
                items.sort_by_key(Value::to_string);
                all.insert(name, Value::Array(items));
            }
            other => {
                all.insert(name, other);
            }
        }
    }
    all
}
