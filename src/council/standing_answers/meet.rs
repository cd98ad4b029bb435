//! Which levels can meet in one newsletter: the join of every two levels, with every conflict code,
//! and whether the join still serves `newsletter`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::users;
use crate::council::Directory;
use crate::council::combine::{Combination, CombineError, Term, combine};

/// The code of a join that no longer serves newsletters. No conflict of the rule: the item itself is
/// fine, the hub alone may not use it so.
pub const NOT_FOR_NEWSLETTER: &str = "NOT_FOR_NEWSLETTER";

/// Two levels.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// One, as `SCHEME:LEVEL`.
    pub a: String,
    /// The other.
    pub b: String,
    /// What keeps them apart where each comes from one nameless body of its scheme; empty is nothing.
    pub codes: Vec<String>,
    /// The same where two different bodies of one scheme send them; `None` where the schemes differ
    /// or only one body uses it.
    pub codes_between_two: Option<Vec<String>>,
}

impl Pair {
    /// Whether there is any way for them to meet.
    #[must_use]
    pub fn may_meet(&self) -> bool {
        self.codes.is_empty() || self.codes_between_two.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Every level against every level.
#[derive(Clone, Debug, Serialize)]
pub struct Meeting {
    /// The levels, as `SCHEME:LEVEL`, in the order of the file.
    pub levels: Vec<String>,
    /// Each unordered pair once, a level with itself included.
    pub pairs: Vec<Pair>,
}

/// Joins every two levels in force.
///
/// # Errors
/// Never for levels of the directory itself; the error is `combine`'s.
pub fn meet(directory: &Directory, at: DateTime<Utc>) -> Result<Meeting, CombineError> {
    let day = at.date_naive();
    let schemes = directory.schemes(day);
    let levels: Vec<(&str, &str)> = schemes
        .iter()
        .flat_map(|scheme| {
            let names = scheme.levels.iter();
            names.map(|level| (scheme.id.as_str(), level.level.as_str()))
        })
        .collect();
    let mut pairs = Vec::new();
    for (n, a) in levels.iter().enumerate() {
        for b in levels.iter().skip(n) {
            let term = |who: &str, level: &str| Term {
                who: who.to_owned(),
                level: level.to_owned(),
            };
            let together = combine(directory, &[term(a.0, a.1), term(b.0, b.1)], at)?;
            let mut two = users(directory, a.0);
            let between = match (a.0 == b.0, two.next(), two.next()) {
                (true, Some(one), Some(other)) => Some(codes(&combine(
                    directory,
                    &[term(one.as_str(), a.1), term(other.as_str(), b.1)],
                    at,
                )?)),
                _ => None,
            };
            pairs.push(Pair {
                a: format!("{}:{}", a.0, a.1),
                b: format!("{}:{}", b.0, b.1),
                codes: codes(&together),
                codes_between_two: between,
            });
        }
    }
    Ok(Meeting {
        levels: levels
            .iter()
            .map(|(scheme, level)| format!("{scheme}:{level}"))
            .collect(),
        pairs,
    })
}

fn codes(together: &Combination) -> Vec<String> {
    let mut codes = together.conflicts.clone();
    if !together.rule.serves("newsletter") {
        codes.push(NOT_FOR_NEWSLETTER.to_owned());
    }
    codes
}
