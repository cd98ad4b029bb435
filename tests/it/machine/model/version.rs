//! One version of one item in the model: whom it waits for, what leaves, what another's rule takes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::council::{Council, Level, REPLY_HOURS};
use super::narrower::HOUR;
use super::{State, Version};

impl Version {
    /// Whose agreement is still missing.
    pub(super) fn pending(&self) -> BTreeSet<String> {
        let heard =
            |who: &String| self.lapsed.contains(who) || self.votes.iter().any(|(of, ..)| of == who);
        let mut pending: BTreeSet<String> = self
            .asked
            .keys()
            .filter(|who| !heard(who))
            .cloned()
            .collect();
        let two: Vec<&String> = self
            .asked
            .iter()
            .filter(|(_, mode)| **mode == 3)
            .map(|(who, _)| who)
            .collect();
        let votes = self.votes.iter().filter(|(of, ..)| two.contains(&of));
        let people: BTreeSet<&String> = votes.map(|(_, name, _)| name).collect();
        let waived = two.iter().any(|who| self.lapsed.contains(*who));
        if !waived && people.len() < 2 && two.iter().all(|who| !pending.contains(*who)) {
            pending.extend(two.into_iter().cloned());
        }
        pending
    }

    /// Joins another's rule; whether its renditions go, since it lists more to be stripped.
    pub(super) fn join(&mut self, council: &Council, other: &Self) -> bool {
        let was = self.access.clone();
        self.access.join(&other.access);
        self.no_reply = self.no_reply.max(other.no_reply);
        for (who, mode) in &other.approvals {
            join_modes(&mut self.approvals, who, *mode);
        }
        let corrects = was.strips != self.access.strips;
        if corrects {
            self.forget_renditions();
        } else {
            self.remake_renditions(council);
        }
        corrects
    }

    /// Puts a part of it under a level of its own as well. It waits for those whom that asks too,
    /// where the part leaves its CEPTOAR.
    pub(super) fn divide(&mut self, council: &Council, level: &Level, now: i64) {
        let further = self.under(Some(level), false);
        let mut part = self.access.clone();
        part.join(&further.access);
        let leaves = !part.forms(council, |body| *body != self.ceptoar).is_empty();
        for (who, mode) in &further.approvals {
            join_modes(&mut self.approvals, who, *mode);
            if leaves {
                join_modes(&mut self.asked, who, *mode);
                self.due.insert(who.clone(), now + REPLY_HOURS * HOUR);
            }
        }
        self.no_reply = self.no_reply.max(further.no_reply);
        self.part = Some(part);
    }

    /// Lets leave what nothing holds any more.
    pub(super) fn settle(&mut self, council: &Council) {
        let agreed = self.pending().is_empty();
        self.holds_inside &= !agreed;
        let inside = !self.holds_inside && !self.embargo;
        let outside = agreed && inside;
        self.state = if outside {
            State::Released
        } else {
            State::Held
        };
        for (side, free) in [(1, inside), (2, outside)] {
            if free && !self.sides[side] {
                self.sides[side] = true;
                self.out[side - 1] = Some(self.access.clone());
                self.forms[side - 1] = self.forms_now(council, side - 1);
            }
        }
    }

    /// An object's own version.
    pub fn revision(&self) -> u64 {
        u64::from(self.rank.0)
    }
}

pub(super) fn join_modes(modes: &mut BTreeMap<String, u8>, who: &str, mode: u8) {
    let entry = modes.entry(who.to_owned()).or_insert(mode);
    *entry = (*entry).max(mode);
}
