//! The contact directory: whom to turn to in a body, in its business hours and outside them, and who
//! stands in.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::handling::PrincipalId;

/// When a contact answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// In the body's business hours.
    InHours,
    /// Outside them.
    OutOfHours,
    /// At any time.
    Always,
}

/// Whom to turn to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// A person of the body.
    pub principal: PrincipalId,
    /// When.
    pub when: When,
    /// 0 is asked first, 1 is the first deputy, and so on.
    #[serde(default)]
    pub deputy: u8,
}

/// A body's business hours, on its own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// How far its clock is ahead of UTC, in minutes: 540 in Japan.
    pub utc_offset_minutes: i32,
    /// Its working days.
    pub weekdays: Vec<Day>,
    /// From this time of day, `HH:MM`.
    pub from: String,
    /// Until before this time of day, `HH:MM`.
    pub until: String,
    /// Days on which it does not work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<NaiveDate>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Mon,
            Self::Tue => Weekday::Tue,
            Self::Wed => Weekday::Wed,
            Self::Thu => Weekday::Thu,
            Self::Fri => Weekday::Fri,
            Self::Sat => Weekday::Sat,
            Self::Sun => Weekday::Sun,
        }
    }
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

impl Hours {
    /// Whether the body works at an instant.
    #[must_use]
    pub fn open(&self, at: DateTime<Utc>) -> bool {
        let local = at.naive_utc() + TimeDelta::minutes(i64::from(self.utc_offset_minutes));
        let works = self
            .weekdays
            .iter()
            .any(|day| day.weekday() == local.weekday());
        let (from, until) = (time_of_day(&self.from), time_of_day(&self.until));
        works
            && !self.holidays.contains(&local.date())
            && from.is_some_and(|from| from <= local.time())
            && until.is_some_and(|until| local.time() < until)
    }

    /// What is wrong with them, in words.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let (from, until) = (time_of_day(&self.from), time_of_day(&self.until));
        // ISO 8601 clocks are at most 14 hours ahead of UTC and 12 behind it.
        if !(-720..=840).contains(&self.utc_offset_minutes) {
            return Some("no clock is so far from UTC");
        }
        match (from, until) {
            (Some(from), Some(until)) if from < until => {}
            (Some(_), Some(_)) => return Some("the day ends before it begins"),
            _ => return Some("a time of day is written HH:MM"),
        }
        self.weekdays
            .is_empty()
            .then_some("there is no working day")
    }
}

/// Those who answer at an instant, in the order in which they are asked. A body without hours is
/// taken to work at any time.
#[must_use]
pub fn reachable<'a>(
    contacts: &'a [Contact],
    hours: Option<&Hours>,
    at: DateTime<Utc>,
) -> Vec<&'a PrincipalId> {
    let open = hours.is_none_or(|hours| hours.open(at));
    let answers = |contact: &&Contact| match contact.when {
        When::InHours => open,
        When::OutOfHours => !open,
        When::Always => true,
    };
    let mut now: Vec<&Contact> = contacts.iter().filter(answers).collect();
    now.sort_by_key(|contact| contact.deputy);
    now.into_iter().map(|contact| &contact.principal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> Hours {
        Hours {
            utc_offset_minutes: 540,
            weekdays: vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri],
            from: "09:00".to_owned(),
            until: "17:30".to_owned(),
            holidays: vec!["2026-11-23".parse().unwrap()],
        }
    }

    fn open(at: &str) -> bool {
        hours().open(at.parse().unwrap())
    }

    #[test]
    fn hours_are_those_of_the_bodys_own_clock() {
        assert!(open("2026-11-24T00:00:00Z"), "Tuesday, nine in Japan");
        assert!(!open("2026-11-23T23:59:59Z"));
        assert!(open("2026-11-24T08:29:59Z"));
        assert!(!open("2026-11-24T08:30:00Z"));
        assert!(!open("2026-11-23T02:00:00Z"), "a holiday");
        assert!(!open("2026-11-22T02:00:00Z"), "a Sunday");
        // Still Friday in UTC, Saturday in Japan.
        assert!(!open("2026-11-27T15:30:00Z"));
    }

    #[test]
    fn who_answers_is_asked_in_order() {
        let contact = |name: &str, when, deputy| Contact {
            principal: name.into(),
            when,
            deputy,
        };
        let all = [
            contact("night", When::OutOfHours, 0),
            contact("second", When::InHours, 1),
            contact("first", When::InHours, 0),
            contact("chief", When::Always, 2),
        ];
        let names = |at: &str| -> Vec<String> {
            let names = reachable(&all, Some(&hours()), at.parse().unwrap());
            names.into_iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("2026-11-24T03:00:00Z"), ["first", "second", "chief"]);
        assert_eq!(names("2026-11-24T12:00:00Z"), ["night", "chief"]);
    }

    #[test]
    fn hours_that_cannot_be_are_found() {
        assert_eq!(hours().fault(), None);
        let wrong = |change: fn(&mut Hours)| {
            let mut hours = hours();
            change(&mut hours);
            hours.fault().is_some()
        };
        assert!(wrong(|hours| hours.from = "25:00".to_owned()));
        assert!(wrong(|hours| hours.until = "09:00".to_owned()));
        assert!(wrong(|hours| hours.weekdays.clear()));
        assert!(wrong(|hours| hours.utc_offset_minutes = 900));
    }
}
