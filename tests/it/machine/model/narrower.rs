//! The model's third part: what takes away from what is out. A source narrows or takes back, and a
//! law becomes stricter.

use std::collections::{BTreeMap, BTreeSet};

use super::super::acts::{Item, Narrow};
use super::super::council::{Council, Level, Person, REPLY_HOURS};
use super::{ANONYMISED, Access, IDENTIFIED, Model, Outcome, State, Version};

pub(super) const HOUR: i64 = 3_600_000_000;

/// What is joined with a version's rule.
pub(super) struct Further {
    pub(super) access: Access,
    pub(super) approvals: BTreeMap<String, u8>,
    pub(super) no_reply: u8,
}

/// A version that its source took back, and by which step.
#[derive(Clone, Debug)]
pub struct Taken {
    pub step: usize,
    pub at: usize,
    /// By TAXII's delete, which gives no reason.
    pub deleted: bool,
}

impl Version {
    /// Taken back by its source.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, State::Withdrawn | State::Recalled)
    }

    /// Who is meant by a scheme's word for an approver.
    pub(super) fn approvers(&self, level: &Level) -> BTreeMap<String, u8> {
        let concrete = |who: &String| match who.split_once('.') {
            None => format!("{}.source", self.operator.as_ref().unwrap_or(&self.body)),
            Some((_, role)) => format!("{}.{role}", self.ceptoar),
        };
        let mut all = BTreeMap::new();
        for (who, mode) in &level.approvals {
            let entry = all.entry(concrete(who)).or_insert(*mode);
            *entry = (*entry).max(*mode);
        }
        all
    }

    /// A level over this version; who needs to know is said by the item alone.
    pub(super) fn under(&self, level: Option<&Level>, storage: bool) -> Further {
        let mut access = self.access.clone();
        (access.named, access.not_after, access.strips) = (None, None, false);
        (access.through, access.k, access.public) = (None, 0, true);
        access.stores_in_japan = storage;
        let Some(level) = level else {
            return Further {
                access,
                approvals: BTreeMap::new(),
                no_reply: self.no_reply,
            };
        };
        access.tlp = level.tlp;
        access.columns = vec![(self.ceptoar.clone(), level.columns)];
        access.stores_in_japan |= level.storage_jp_only;
        access.keeps_days = level.retention_min_days;
        access.k = level.k;
        access.attribution = level.attribution;
        access.anonymise.clone_from(&level.anonymise);
        Further {
            access,
            approvals: self.approvers(level),
            no_reply: level.no_reply,
        }
    }

    /// Which forms leave on a side now: those it has readers for, and that were made.
    pub(super) fn forms_now(&self, council: &Council, side: usize) -> BTreeSet<u8> {
        let inside = |body: &String| (side == 0) == (*body == self.ceptoar);
        let forms = self.access.forms(council, inside);
        forms.intersection(&self.made).copied().collect()
    }
}

/// Whether one level asks more than another, in anything the machine draws.
fn asks_more(old: &Level, new: &Level) -> bool {
    let columns = old.columns.iter().zip(&new.columns);
    let order = ["name_ok", "pseudonym", "sector_only", "withheld"];
    let rank = |word: &str| order.iter().position(|known| *known == word);
    columns
        .into_iter()
        .any(|(old, new)| new.0 < old.0 || new.1 < old.1)
        || rank(new.attribution) > rank(old.attribution)
        || (new.approvals.iter())
            .any(|(who, mode)| *mode > old.approvals.get(who).copied().unwrap_or(0))
        || new.no_reply > old.no_reply
        || new.storage_jp_only && !old.storage_jp_only
        || new.retention_min_days > old.retention_min_days
        || !new.anonymise.is_subset(&old.anonymise)
        || new.k > old.k
}

impl Model {
    /// The law after a change of the file, or on another day: what asks more applies at once.
    pub(super) fn tighten_all(&mut self, before: &Council, yesterday: &str, now: i64) {
        let (after, today) = (self.council.clone(), self.day(now));
        let charter = after.charter.1 && !before.charter.1;
        let policy = after.charter.2.is_some() && after.charter.2 != before.charter.2;
        for at in 0..self.versions.len() {
            let version = &self.versions[at];
            if version.is_gone() || version.state == State::Expired {
                continue;
            }
            let level = |council: &Council, day: &str| {
                let scheme = council.scheme(&version.scheme.0, day)?;
                scheme
                    .levels
                    .iter()
                    .find(|level| level.name == version.level)
                    .cloned()
            };
            let (old, new) = (level(before, yesterday), level(&after, &today));
            let levels = match (&old, &new) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(old), Some(new)) => asks_more(old, new),
            };
            if levels || charter || policy {
                let more = levels || charter;
                let level = new.as_ref().filter(|_| more);
                let mut further = version.under(level, more && after.charter.1);
                if policy {
                    // The policies are asked of what it has, and not of the level alone.
                    let mut taken = version.access.clone();
                    taken.under_policy(&after, &version.ceptoar, version.kind);
                    further.access.public = taken.public;
                    further.access.join(&taken);
                }
                self.tighten(at, &further, now);
            }
        }
    }

    /// What was posted again under a stricter marking narrows what is there.
    pub(super) fn posted_again(&mut self, earlier: &[usize], again: &Version, now: i64) {
        for at in earlier {
            if !self.versions[*at].is_gone() {
                let further = Further {
                    access: again.access.clone(),
                    approvals: again.approvals.clone(),
                    no_reply: again.no_reply,
                };
                self.tighten(*at, &further, now);
            }
        }
    }

    fn tighten(&mut self, at: usize, further: &Further, now: i64) {
        let council = self.council.clone();
        let version = &mut self.versions[at];
        let before = version.access.clone();
        version.access.join(&further.access);
        if let Some(part) = &mut version.part {
            part.join(&further.access);
        }
        version.changed |= version.access != before;
        let joined = version.access.clone();
        let mut new = Vec::new();
        for (who, mode) in &further.approvals {
            if *mode > 0 && !version.approvals.contains_key(who) && !version.asked.contains_key(who)
            {
                new.push((who.clone(), *mode));
            }
            let entry = version.approvals.entry(who.clone()).or_insert(*mode);
            *entry = (*entry).max(*mode);
        }
        version.no_reply = version.no_reply.max(further.no_reply);
        version.remake_renditions(&council);
        match version.state {
            State::Held => {
                let joined = version.approvals.clone();
                for (who, mode) in &mut version.asked {
                    *mode = (*mode).max(joined.get(who).copied().unwrap_or(0));
                }
                // They are asked anew, and may be silent anew.
                version
                    .escalated
                    .values_mut()
                    .for_each(|(_, spent)| *spent = false);
                // Silence was consent to the looser rule: it is weighed under the stricter one.
                let silent = |who: &String| version.asked[who] == 1;
                if version.no_reply > 0 && !version.lapsed.iter().all(silent) {
                    version.state = State::Refused;
                }
                for (who, mode) in new {
                    version.due.insert(who.clone(), now + REPLY_HOURS * HOUR);
                    version.asked.insert(who, mode);
                }
            }
            State::Released if joined.changes_form(&council, &before) => {
                // Who read the original and may have a rendition gets that.
                for side in 0..2 {
                    version.forms[side] = version.forms_now(&council, side);
                    version.out[side] = Some(joined.clone());
                }
            }
            _ => {}
        }
    }

    /// Whether anything was taken back, or has an end.
    pub fn some_go(&self) -> bool {
        let ends = |version: &Version| version.access.not_after.is_some();
        !self.taken.is_empty() || self.versions.iter().any(ends)
    }

    /// The versions of an item, where a person may change it: as a publisher of its source.
    pub fn own(&self, by: &str, on: &Item) -> Option<Vec<usize>> {
        let person = self.council.person(by)?;
        let versions = self.of(on);
        let latest = &self.versions[*versions.last()?];
        let source = latest.body == person.body || latest.operator.as_ref() == Some(&person.body);
        (source && person.roles.contains("publisher")).then_some(versions)
    }

    /// The names of the levels of an item's scheme.
    pub fn levels(&self, on: &Item) -> Vec<String> {
        let latest = self.of(on).pop().map(|at| self.versions[at].scheme.clone());
        let scheme = self
            .council
            .schemes
            .iter()
            .find(|scheme| latest.as_ref() == Some(&(scheme.id.clone(), scheme.version)));
        scheme
            .map(|scheme| {
                scheme
                    .levels
                    .iter()
                    .map(|level| level.name.clone())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Whoever may change an item.
    pub fn owners(&self, on: &Item) -> Vec<Person> {
        let people = self.council.people.iter();
        people
            .filter(|person| self.own(&person.id, on).is_some())
            .cloned()
            .collect()
    }

    pub(super) fn narrow(&mut self, act: &Narrow, now: i64) -> Outcome {
        let Some(versions) = self.own(&act.by, &act.on) else {
            return Outcome::Refused;
        };
        let latest = &self.versions[*versions.last().unwrap()];
        let (id, number) = latest.scheme.clone();
        let scheme = self
            .council
            .schemes
            .iter()
            .find(|scheme| scheme.id == id && scheme.version == number);
        let level = act
            .level
            .as_ref()
            .map(|name| scheme?.levels.iter().find(|level| level.name == *name));
        if matches!(level, Some(None)) {
            return Outcome::Refused;
        }
        let level = level.flatten().cloned();
        for at in versions {
            let mut further = self.versions[at].under(level.as_ref(), false);
            further.access.named.clone_from(&act.named);
            further.access.not_after = act.not_after;
            self.tighten(at, &further, now);
        }
        Outcome::Taken(vec![true])
    }

    /// `only` counts an item's versions from 1.
    pub(super) fn withdraw(
        &mut self,
        step: usize,
        by: &str,
        on: &Item,
        only: Option<usize>,
        recall: bool,
    ) -> Outcome {
        let Some(versions) = self.own(by, on) else {
            return Outcome::Refused;
        };
        let mut some = false;
        for (number, at) in (1..).zip(versions) {
            let version = &mut self.versions[at];
            let recalled = recall && version.state == State::Withdrawn;
            if version.is_gone() && !recalled || only.is_some_and(|only| only != number) {
                continue;
            }
            some = true;
            version.state = if recall {
                State::Recalled
            } else {
                State::Withdrawn
            };
            version.out = [None, None];
            self.taken.push(Taken {
                step,
                at,
                deleted: false,
            });
        }
        if some {
            Outcome::Taken(vec![true])
        } else {
            Outcome::Refused
        }
    }
}

impl Version {
    /// What the narrowed rule gives is made, unless a correction dropped it.
    pub(super) fn remake_renditions(&mut self, council: &Council) {
        if !self.dropped && !self.is_gone() && self.state != State::Expired {
            self.made.extend(self.access.forms(council, |_| true));
        }
    }

    pub(super) fn forget_renditions(&mut self) {
        self.dropped = true;
        self.made.remove(&ANONYMISED);
        self.forms.iter_mut().for_each(|forms| {
            forms.remove(&ANONYMISED);
        });
    }
}

impl Access {
    /// Whether a body that read the original is left with a rendition.
    fn changes_form(&self, council: &Council, before: &Self) -> bool {
        let bodies = council.bodies.iter().map(|body| body.id.as_str());
        bodies.chain([super::ANYBODY]).any(|body| {
            let (before, after) = (before.grant(council, body), self.grant(council, body));
            before.0 > 0 && after.0 > 0 && before.1 == IDENTIFIED && after.1 == ANONYMISED
        })
    }
}
