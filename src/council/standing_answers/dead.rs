//! Rules that are dead: they say something that can never come to pass, because of another dimension,
//! the charter, or because nobody is there. None of it is dangerous; each is worth a look.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{holders, plain, users};
use crate::council::body::role;
use crate::council::{Directory, Origin, Resolved};
use crate::handling::{
    ApprovalMode, Approver, BodyId, Channel, Column, Conflict, Depth, Form, Grant, Level, NoReply,
    Reader, Scheme, decide,
};

/// What is dead about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Dead {
    /// No body sends under the scheme.
    SchemeUnused,
    /// A version that another one takes the place of before or on its first day.
    VersionNeverInForce,
    /// Every item of the level is held by a conflict of its own rule.
    LevelAlwaysHeld,
    /// Purposes that are allowed and prohibited; prohibited wins.
    PurposesCancel,
    /// A grant for a column in which no body stands.
    GrantNoBody,
    /// A grant that nobody in those bodies holds a role for.
    GrantNoReader,
    /// A depth that ends at the analysts, since no body of the column has member operators.
    DepthNoMembers,
    /// All who could read may only look: none of them has declared what the level asks.
    GrantViewOnly,
    /// A minimum retention that no body of the council has declared.
    RetentionUndeclared,
    /// What to strip and whom to name, though nobody reads a rendition.
    AnonymiseUnused,
    /// A consent for leaving the CEPTOAR, though nothing leaves.
    ApprovalNeverAsked,
    /// An approver's role that nobody holds.
    ApproverNobody,
    /// Two people are asked for, and fewer hold the roles.
    TwoPersonTooFew,
    /// What no reply means, though silence counts as a yes or nobody is asked.
    NoReplyUnused,
    /// No reply goes to the superior, and there is none.
    SuperiorMissing,
    /// No reply goes to the superior, and nobody there is a point of contact.
    SuperiorNobody,
    /// It would become looser when it is erased already.
    DowngradeAfterErasure,
}

/// One dead rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where: scheme, version, level, dimension.
    pub place: String,
    /// What.
    pub code: Dead,
    /// In words.
    pub message: String,
    /// For which sources; empty is for all, or for the scheme as such.
    pub sources: BTreeSet<BodyId>,
}

/// Every dead rule of the schemes in force at `at` or later.
#[must_use]
pub fn dead(directory: &Directory, at: DateTime<Utc>) -> Vec<Finding> {
    let mut found = Found {
        directory,
        readers: kinds_of_readers(directory, at),
        at,
        findings: Vec::new(),
    };
    let day = at.date_naive();
    for scheme in &directory.file().schemes {
        let present = directory
            .scheme(&scheme.id, day)
            .is_some_and(|one| one.version == scheme.version);
        if !present && scheme.effective <= day {
            continue; // past; its items keep it
        }
        found.scheme(scheme);
    }
    found.findings.sort();
    found.findings
}

struct Found<'a> {
    directory: &'a Directory,
    readers: Vec<Reader>,
    at: DateTime<Utc>,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn add(
        &mut self,
        place: &str,
        code: Dead,
        message: impl Into<String>,
        source: Option<&BodyId>,
    ) {
        let message = message.into();
        let same = self
            .findings
            .iter_mut()
            .find(|one| one.place == place && one.code == code && one.message == message);
        match same {
            Some(one) => one.sources.extend(source.cloned()),
            None => self.findings.push(Finding {
                place: place.to_owned(),
                code,
                message,
                sources: source.cloned().into_iter().collect(),
            }),
        }
    }

    fn scheme(&mut self, scheme: &Scheme) {
        let place = format!("{} v{}", scheme.id, scheme.version);
        let overtaken = self.directory.file().schemes.iter().any(|other| {
            other.id == scheme.id
                && other.version > scheme.version
                && other.effective <= scheme.effective
        });
        if overtaken {
            self.add(
                &place,
                Dead::VersionNeverInForce,
                "a higher version is effective no later",
                None,
            );
        }
        let sources: Vec<BodyId> = users(self.directory, &scheme.id).cloned().collect();
        if sources.is_empty() {
            self.add(&place, Dead::SchemeUnused, "no body sends under it", None);
        }
        for level in &scheme.levels {
            let place = format!("{place} {}", level.level);
            self.purposes(&place, level);
            let mut grants = Grants::default();
            for source in &sources {
                let Some((origin, resolved)) =
                    plain(self.directory, source, scheme, level, self.at)
                else {
                    continue;
                };
                self.conflicts(&place, source, &resolved);
                self.consent(&place, source, &origin, &resolved);
                grants.look(
                    (self.directory, &self.readers),
                    level,
                    &origin,
                    &resolved,
                    self.at,
                );
            }
            if !sources.is_empty() {
                self.grants(&place, level, &grants);
                self.level(&place, level);
            }
        }
    }

    fn purposes(&mut self, place: &str, level: &Level) {
        let charter = self.directory.charter(self.at.date_naive());
        let mut prohibited = level.purposes_prohibited.clone();
        let mut by_charter = BTreeSet::new();
        if let Some((_, charter)) = charter {
            prohibited.extend(charter.purposes_prohibited.iter().cloned());
            if let Some(allowed) = charter.purposes_allowed {
                by_charter.extend(level.purposes_allowed.difference(&allowed).cloned());
            }
        }
        by_charter.extend(level.purposes_allowed.intersection(&prohibited).cloned());
        if !by_charter.is_empty() {
            let names: Vec<&str> = by_charter.iter().map(String::as_str).collect();
            self.add(
                &format!("{place}: purposes_allowed"),
                Dead::PurposesCancel,
                format!(
                    "allowed here and shut out by a prohibition or by the charter: {}",
                    names.join(", ")
                ),
                None,
            );
        }
    }

    fn conflicts(&mut self, place: &str, source: &BodyId, resolved: &Resolved) {
        if !resolved.conflicts.is_empty() {
            let codes: Vec<String> = resolved.conflicts.iter().map(Conflict::to_string).collect();
            // The excluded source's own name differs; the finding is the same.
            let codes = codes.join(", ").replace(&format!(":{source}"), "");
            self.add(
                place,
                Dead::LevelAlwaysHeld,
                format!("every item is held: {codes}"),
                Some(source),
            );
        }
    }

    fn consent(&mut self, place: &str, source: &BodyId, origin: &Origin, resolved: &Resolved) {
        let rule = &resolved.rule;
        let place = format!("{place}: approvals");
        let asked: Vec<(&Approver, ApprovalMode)> = rule
            .approvals
            .iter()
            .filter(|(_, mode)| **mode != ApprovalMode::None)
            .map(|(who, mode)| (who, *mode))
            .collect();
        if asked.is_empty() {
            return;
        }
        let leaves = rule
            .access
            .audience
            .iter()
            .any(|(body, grant)| *body != origin.ceptoar && !grant.is_none());
        if !leaves {
            self.add(
                &place,
                Dead::ApprovalNeverAsked,
                "nothing leaves the CEPTOAR, so nobody's consent is asked",
                Some(source),
            );
            return;
        }
        let mut two = BTreeSet::new();
        let mut needs_two = false;
        for (who, mode) in &asked {
            let people = holders(self.directory, who);
            // Where the operator is known its own people are asked; which one it will be is not.
            if people.is_empty() && who.parts().is_none_or(|(_, held)| held != role::SOURCE) {
                self.add(
                    &place,
                    Dead::ApproverNobody,
                    format!("nobody is `{who}`"),
                    Some(source),
                );
            }
            if *mode == ApprovalMode::TwoPerson {
                needs_two = true;
                two.extend(people.iter().map(|one| one.id.clone()));
            }
        }
        if needs_two && two.len() < 2 {
            self.add(
                &place,
                Dead::TwoPersonTooFew,
                format!("two people are asked for and {} could answer", two.len()),
                Some(source),
            );
        }
        let waits = asked.iter().any(|(_, mode)| *mode > ApprovalMode::Silent);
        if rule.no_reply == NoReply::Escalate && waits {
            self.superior(&place, source, &origin.ceptoar);
        }
    }

    fn superior(&mut self, place: &str, source: &BodyId, ceptoar: &BodyId) {
        let superior = self
            .directory
            .body(ceptoar)
            .and_then(|body| body.superior.clone());
        let Some(superior) = superior else {
            self.add(
                place,
                Dead::SuperiorMissing,
                "no reply goes to the superior, and the body has none",
                Some(source),
            );
            return;
        };
        if holders(self.directory, &Approver::of(&superior, role::POC)).is_empty() {
            self.add(
                place,
                Dead::SuperiorNobody,
                format!("no reply goes to `{superior}`, where nobody is a point of contact"),
                Some(source),
            );
        }
    }

    /// What the level says for itself, whoever sends.
    fn level(&mut self, place: &str, level: &Level) {
        let asks = level
            .approvals
            .values()
            .any(|mode| *mode > ApprovalMode::Silent);
        if !asks && level.no_reply != NoReply::Release {
            self.add(
                &format!("{place}: no_reply"),
                Dead::NoReplyUnused,
                "nobody is asked for an explicit yes, so no reply never stands for anything else",
                None,
            );
        }
        if let (Some(days), Some(max)) = (level.downgrade_after_days, level.retention_max_days)
            && days >= max
        {
            self.add(
                &format!("{place}: downgrade_after_days"),
                Dead::DowngradeAfterErasure,
                format!("looser after {days} days, erased after {max}"),
                None,
            );
        }
        let renders = Column::ALL
            .into_iter()
            .any(|column| level.audience.get(column).form() == Form::Anonymised);
        if !renders && !level.anonymise.is_empty() {
            self.add(
                &format!("{place}: anonymise"),
                Dead::AnonymiseUnused,
                "every reader gets it as submitted, so nothing is stripped and nobody is renamed",
                None,
            );
        }
        let declared = self
            .directory
            .bodies()
            .filter_map(|body| body.capability)
            .any(|one| one.retention_min_days >= level.retention_min_days);
        if level.retention_min_days > 0 && !declared {
            self.add(
                &format!("{place}: retention_min_days"),
                Dead::RetentionUndeclared,
                format!(
                    "no body has declared that it keeps anything for {} days",
                    level.retention_min_days
                ),
                None,
            );
        }
    }

    fn grants(&mut self, place: &str, level: &Level, grants: &Grants) {
        for column in Column::ALL {
            let grant = level.audience.get(column);
            let Some(seen) = grants.of.get(column as usize) else {
                continue;
            };
            if grant.is_none() {
                continue;
            }
            let place = format!("{place}: audience.{}", column.word());
            if !seen.bodies {
                let message = "no body stands in this column for any source";
                self.add(&place, Dead::GrantNoBody, message, None);
            } else if !seen.readers {
                let message = format!("nobody there reads at depth {}", grant.depth().word());
                self.add(&place, Dead::GrantNoReader, message, None);
            } else if !seen.takers {
                let message = "nobody there has declared what the level asks, so all may only look";
                self.add(&place, Dead::GrantViewOnly, message, None);
            }
            if seen.bodies && grant.depth() < Depth::Analyst && !seen.members {
                let message = format!(
                    "no body there has member operators, so {} ends at the analysts",
                    grant.depth().word()
                );
                self.add(&place, Dead::DepthNoMembers, message, None);
            }
        }
    }
}

/// What one column's grant comes to, over all sources.
#[derive(Clone, Copy, Default)]
struct Seen {
    bodies: bool,
    readers: bool,
    takers: bool,
    members: bool,
}

/// The columns, in their own order.
#[derive(Default)]
struct Grants {
    of: [Seen; 6],
}

impl Grants {
    fn look(
        &mut self,
        (directory, readers): (&Directory, &[Reader]),
        level: &Level,
        origin: &Origin,
        resolved: &Resolved,
        at: DateTime<Utc>,
    ) {
        let day = at.date_naive();
        let access = &resolved.rule.access;
        for body in directory.bodies() {
            let Some(column) = directory.column(body, &origin.ceptoar, day) else {
                continue;
            };
            let grant: Grant = level.audience.get(column);
            let Some(seen) = self.of.get_mut(column as usize) else {
                continue;
            };
            if grant.is_none() {
                continue;
            }
            seen.bodies = true;
            seen.members |= directory.has_operators(&body.id);
        }
        let mut open = access.clone();
        // Which sectors a source names is its own matter; here anyone could need to know.
        open.need_to_know = None;
        for reader in readers {
            for place in &reader.places {
                let body = directory.body(&place.body);
                let column = body.and_then(|body| directory.column(body, &origin.ceptoar, day));
                let Some(seen) = column.and_then(|column| self.of.get_mut(column as usize)) else {
                    continue;
                };
                if seen.readers && seen.takers {
                    continue;
                }
                let here = Reader {
                    places: vec![place.clone()],
                    ..reader.clone()
                };
                let by = |channel| decide(&open, &here, channel, at).form();
                seen.readers |= by(Channel::Console).is_some();
                seen.takers |= by(Channel::Taxii).is_some();
            }
        }
    }
}

/// Everyone once for each way of standing in the council: who differ in nothing a level speaks of are
/// asked for once.
fn kinds_of_readers(directory: &Directory, at: DateTime<Utc>) -> Vec<Reader> {
    let mut known = HashSet::new();
    directory
        .principals()
        .filter_map(|principal| directory.reader(principal, at))
        .filter(|reader| known.insert((reader.places.clone(), reader.capability)))
        .map(|reader| Reader {
            seats: BTreeSet::new(),
            ..reader
        })
        .collect()
}
