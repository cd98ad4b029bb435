//! The plan of a change of the schemes, for those who draft one: what a text would change in the
//! schemes in force, and what changes where two levels meet. It is made of the text and of what
//! everyone may look at, so it tells nothing of items or of who is in the council; the whole plan is
//! [`super::plan`]'s, for whoever runs the hub. Nothing is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};

use super::Exchange;
use super::access::Caller;
use super::refusal::{Fault, Refusal};
use crate::council::body::role;
use crate::council::charter::Charter;
use crate::council::combine::{Combination, Term, combine};
use crate::council::file::Schemes;
use crate::council::plan::{Fate, SchemeChange, Turn, diff, turns};
use crate::council::{Body, BodyKind, CouncilFile, Directory};
use crate::handling::Scheme;

/// The longest text: a council of a thousand people, or many schemes.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;

/// Pairs of levels that are joined at most: each of twenty with each other.
const PAIRS_MAX: usize = 400;

/// Bytes of changed values that meetings tell at most; a level may name purposes without end.
const TOLD_MAX: usize = 1024 * 1024;

/// What a text would change.
#[derive(Clone, Debug)]
pub struct SchemePlan {
    /// Whether it is a whole council file; of a part, schemes that it does not name stay.
    pub whole: bool,
    /// Versions that come, go or differ, against the schemes in force today.
    pub schemes: Vec<SchemeChange>,
    /// Where a changed level meets another otherwise than today.
    pub meetings: Vec<Meeting>,
    /// Pairs that were not looked at.
    pub left_out: usize,
}

/// A changed level and another, joined: today, and from the day of the change on.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// Scheme, version and level of the one that changes.
    pub of: (String, u32, String),
    /// Scheme and level of the other.
    pub with: (String, String),
    /// What their join turns to; empty for a level that is new.
    pub turns: Vec<Turn>,
    /// Conflicts that were not there before.
    pub new_conflicts: Vec<String>,
    /// Conflicts that end.
    pub ended_conflicts: Vec<String>,
}

/// Whether a caller drafts changes: the secretariat, and the points of contact.
#[must_use]
pub fn may_plan_schemes(caller: &Caller) -> bool {
    caller.has(role::SECRETARIAT) || caller.has(role::POC)
}

impl Exchange {
    /// Plans what a text would change in the schemes in force.
    ///
    /// # Errors
    /// `NotFound` for who does not draft changes, `TooLarge`, or every fault of the text.
    pub async fn plan_schemes(&self, caller: &Caller, text: String) -> Result<SchemePlan, Refusal> {
        if !may_plan_schemes(caller) {
            return Err(Refusal::NotFound);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::TooLarge {
                limit: TEXT_BYTES_MAX,
            });
        }
        let (caller, now) = (caller.clone(), self.clock().now());
        let turn = Arc::clone(&self.0.planning).acquire_owned().await;
        let turn = turn.map_err(|error| Refusal::Internal(error.into()))?;
        // A long file takes a second: on a thread where nobody else's request waits behind it, one at a
        // time, and the next waits for its end even where nobody waits for its answer any more.
        tokio::task::spawn_blocking(move || {
            let plan = planned(&caller, &text, now);
            drop(turn);
            plan
        })
        .await
        .map_err(|error| Refusal::Internal(error.into()))?
    }
}

fn planned(caller: &Caller, text: &str, now: DateTime<Utc>) -> Result<SchemePlan, Refusal> {
    let directory = &caller.directory;
    // A text that names an operator must not find out by its faults whether there is one.
    let bodies = directory.bodies().filter(|body| caller.is_listed(body));
    let bodies: Vec<Body> = bodies.cloned().collect();
    let read = CouncilFile::parse_schemes(text, &bodies).map_err(|faults| {
        let faults = faults.into_iter();
        let faults = faults.map(|fault| Fault::at(fault.place, "council", fault.message));
        Refusal::Invalid(faults.collect())
    })?;
    let in_force = directory.schemes(now.date_naive());
    let in_force: Vec<Scheme> = in_force.into_iter().cloned().collect();
    let whole = read.whole;
    let today = now.date_naive();
    let old = with_schemes(directory, in_force.clone(), today);
    let new = with_schemes(directory, after(read, in_force), today);
    let schemes = diff(&old, &new, now).schemes;
    let (meetings, left_out) = meetings(&old, &new, &schemes, now);
    Ok(SchemePlan {
        whole,
        schemes,
        meetings,
        left_out,
    })
}

/// The schemes as they would be. Versions that are over are left out, where the one in force today
/// stays: nobody is shown them, so there is nothing to compare them with.
fn after(read: Schemes, in_force: Vec<Scheme>) -> Vec<Scheme> {
    let key = |scheme: &Scheme| (scheme.id.clone(), scheme.version);
    let said: BTreeSet<(String, u32)> = read.schemes.iter().map(key).collect();
    let over = |scheme: &Scheme| {
        let mut present = in_force.iter().filter(|one| one.id == scheme.id);
        present.any(|one| {
            let later = (one.effective, one.version) > (scheme.effective, scheme.version);
            later && (!read.whole || said.contains(&key(one)))
        })
    };
    let mut all: Vec<Scheme> = read
        .schemes
        .iter()
        .filter(|one| !over(one))
        .cloned()
        .collect();
    if !read.whole {
        let stays = in_force.into_iter().filter(|one| !said.contains(&key(one)));
        all.extend(stays);
    }
    all
}

/// A directory of the schemes and what their joins need: the ministries, and the charter in force today,
/// for ever; one that is to come nobody is shown.
fn with_schemes(directory: &Directory, schemes: Vec<Scheme>, today: NaiveDate) -> Directory {
    let file = directory.file();
    let mut charter = Charter::default();
    if directory.charter(today).is_some() {
        charter = file.charter.clone();
        charter.effective = None;
        charter.cases.clear();
        charter.invariants.clear();
    }
    let ministries = file.bodies.iter();
    let ministries = ministries.filter(|body| body.kind == BodyKind::Ministry);
    Directory::new(
        directory.version(),
        CouncilFile {
            council: file.council.clone(),
            sectors: Vec::new(),
            schemes,
            charter,
            bodies: ministries.cloned().collect(),
            principals: Vec::new(),
            sharing_groups: Vec::new(),
        },
    )
}

fn meetings(
    old: &Directory,
    new: &Directory,
    changes: &[SchemeChange],
    now: DateTime<Utc>,
) -> (Vec<Meeting>, usize) {
    let (mut found, mut asked, mut told, mut left_out) = (Vec::new(), 0, 0, 0);
    let mut present: BTreeMap<NaiveDate, Vec<(String, String)>> = BTreeMap::new();
    for change in changes.iter().filter(|one| one.fate != Fate::Removed) {
        let begins = Utc.from_utc_datetime(&change.effective.and_time(NaiveTime::MIN));
        let at = now.max(begins);
        let day = at.date_naive();
        let holds = new.scheme(&change.scheme, day);
        if holds.is_none_or(|scheme| scheme.version != change.version) {
            continue; // another version has taken its place by then
        }
        let others = present.entry(day).or_insert_with(|| levels_on(new, day));
        let levels = change.levels.iter();
        for level in levels.filter(|level| level.fate != Fate::Removed) {
            let itself = (change.scheme.clone(), level.level.clone());
            let mut others = others.iter().filter(|with| **with != itself);
            while asked < PAIRS_MAX && told <= TOLD_MAX {
                let Some(with) = others.next() else { break };
                asked += 1;
                let terms = [term(&itself), term(with)];
                let Ok(then) = combine(new, &terms, at) else {
                    continue; // a scheme that has a ministry's name
                };
                let today = combine(old, &terms, now).ok();
                let of = (itself.0.clone(), change.version, itself.1.clone());
                let meeting = meeting(of, with.clone(), today.as_ref(), &then);
                let lengths = meeting.turns.iter().map(length);
                told += lengths.sum::<usize>();
                if !meeting.says_nothing() {
                    found.push(meeting);
                }
            }
            left_out += others.count();
        }
    }
    (found, left_out)
}

/// The levels in force on a day, each with its scheme.
fn levels_on(directory: &Directory, day: NaiveDate) -> Vec<(String, String)> {
    let schemes = directory.schemes(day).into_iter();
    let levels = schemes.flat_map(|scheme| {
        let levels = scheme.levels.iter();
        levels.map(|level| (scheme.id.clone(), level.level.clone()))
    });
    levels.collect()
}

fn term((scheme, level): &(String, String)) -> Term {
    Term {
        who: scheme.clone(),
        level: level.clone(),
    }
}

fn length(turn: &Turn) -> usize {
    turn.from.to_string().len() + turn.to.to_string().len()
}

fn meeting(
    of: (String, u32, String),
    with: (String, String),
    today: Option<&Combination>,
    then: &Combination,
) -> Meeting {
    let before = today.map_or(&[][..], |today| &today.conflicts);
    let beyond = |some: &[String], others: &[String]| {
        let beyond = some.iter().filter(|one| !others.contains(one));
        beyond.cloned().collect()
    };
    Meeting {
        of,
        with,
        turns: today.map_or_else(Vec::new, |today| turns(&today.rule, &then.rule)),
        new_conflicts: beyond(&then.conflicts, before),
        ended_conflicts: beyond(before, &then.conflicts),
    }
}

impl Meeting {
    const fn says_nothing(&self) -> bool {
        self.turns.is_empty() && self.new_conflicts.is_empty() && self.ended_conflicts.is_empty()
    }
}
