//! What happens in the model by itself: embargo, silence, expiry, days that begin.

use super::super::council::REPLY_HOURS;
use super::narrower::HOUR;
use super::{Model, State, Version};

impl Model {
    /// Everything that time does up to an instant.
    pub fn pass(&mut self, until: i64) {
        while let Some(due) = self.next_due(until) {
            self.happen(due);
        }
        self.clock = until;
    }

    /// The first midnight after an instant: UTC, where days begin.
    fn midnight(&self) -> i64 {
        const DAY: i64 = 86_400_000_000;
        ((self.start + self.clock).div_euclid(DAY) + 1) * DAY - self.start
    }

    /// The next instant at which something happens by itself.
    pub fn next_due(&self, until: i64) -> Option<i64> {
        let of = |version: &Version| {
            let held = version.state == State::Held;
            let embargo = (held && version.embargo).then_some(version.not_before);
            let replies = version.due.values().copied().filter(move |_| held);
            let open = matches!(version.state, State::Held | State::Released);
            let expiry = version.access.not_after.filter(|_| open);
            embargo.into_iter().chain(expiry).chain(replies).min()
        };
        self.versions
            .iter()
            .filter_map(of)
            .chain([self.midnight()])
            .min()
            .filter(|due| *due <= until)
    }

    /// What is due at an instant.
    pub fn happen(&mut self, now: i64) {
        if now == self.midnight() {
            let (before, yesterday) = (self.council.clone(), self.day(now - 1));
            self.tighten_all(&before, &yesterday, now);
        }
        self.clock = self.clock.max(now);
        for version in &mut self.versions {
            if version.state == State::Held && version.embargo && version.not_before <= now {
                version.embargo = false;
                version.settle(&self.council);
            }
            let over: Vec<String> = version
                .due
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(who, _)| who.clone())
                .collect();
            for who in over {
                version.due.remove(&who);
                if version.state != State::Held || !version.pending().contains(&who) {
                    continue;
                }
                if version.asked[&who] == 1 || version.no_reply == 0 {
                    if version.holds_inside {
                        continue; // what the hub could not decide by itself a person confirms
                    }
                    version.lapsed.insert(who);
                    version.settle(&self.council);
                    continue;
                }
                let body = who
                    .split('.')
                    .next()
                    .and_then(|body| self.council.find(body));
                let above = body.and_then(|body| body.superior.clone());
                let spent = version.escalated.get(&who).is_some_and(|(_, spent)| *spent);
                if let (1, Some(above), false) = (version.no_reply, above, spent) {
                    version.escalated.insert(who.clone(), (above, true));
                    version.due.insert(who, now + REPLY_HOURS * HOUR);
                } else {
                    version.state = State::Refused;
                }
            }
            let open = matches!(version.state, State::Held | State::Released);
            if open && version.access.not_after.is_some_and(|until| until <= now) {
                version.state = State::Expired;
            }
        }
    }
}
