//! When a subscriber is told: at once, in a digest, outside quiet hours, on business days. What is
//! urgent does not wait.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use serde::{Deserialize, Serialize};

use super::Wrong;

/// Minutes from UTC to the farthest time zone.
const OFFSET_MAX: i32 = 14 * 60;
/// Japan's.
const OFFSET_DEFAULT: i32 = 9 * 60;
/// Most days that are no business days in a row that is looked through.
const DAYS_MAX: u32 = 400;
/// Most holidays.
const HOLIDAYS_MAX: usize = 400;

/// When to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// One delivery a day at this time, with everything since the last; absent: each at once.
    #[serde(with = "minutes", skip_serializing_if = "Option::is_none")]
    pub digest_at: Option<NaiveTime>,
    /// Nothing from here …
    #[serde(with = "minutes", skip_serializing_if = "Option::is_none")]
    pub quiet_from: Option<NaiveTime>,
    /// … until here; over midnight where this is the earlier.
    #[serde(with = "minutes", skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<NaiveTime>,
    /// Only on these days, `mon` to `sun`; empty is every day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// Not on these days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<NaiveDate>,
    /// Minutes east of UTC; 540 is Japan.
    pub utc_offset: i32,
    /// The least urgency that is told at once, whatever the hour.
    pub urgent: Urgency,
}

impl Default for When {
    fn default() -> Self {
        Self {
            digest_at: None,
            quiet_from: None,
            quiet_until: None,
            weekdays: Vec::new(),
            holidays: Vec::new(),
            utc_offset: OFFSET_DEFAULT,
            urgent: Urgency::default(),
        }
    }
}

/// How urgent an advisory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// In its time.
    Normal,
    /// Today.
    Urgent,
    /// Now.
    #[default]
    Emergency,
}

/// `HH:MM`.
mod minutes {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub fn serialize<S: Serializer>(time: &Option<NaiveTime>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(&time.format("%H:%M")),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveTime>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        NaiveTime::parse_from_str(&text, "%H:%M")
            .map(Some)
            .map_err(|_| D::Error::custom("a time of day is written HH:MM"))
    }
}

impl When {
    /// What is wrong with it.
    #[must_use]
    pub fn check(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut fault = |place: &str, message: &str| {
            wrong.push((format!("/when/{place}"), message.to_owned()));
        };
        if self.quiet_from.is_some() != self.quiet_until.is_some()
            || self.quiet_from.is_some() && self.quiet_from == self.quiet_until
        {
            fault(
                "quiet_from",
                "and `quiet_until` are two different times, or neither is given",
            );
        }
        if self.utc_offset.abs() > OFFSET_MAX {
            fault("utc_offset", "is at most 840 minutes");
        }
        if self.holidays.len() > HOLIDAYS_MAX {
            fault("holidays", "are at most 400");
        }
        wrong
    }

    /// The first instant at or after `at` (both in microseconds) at which to deliver what is not
    /// urgent.
    #[must_use]
    pub fn next(&self, at: i64) -> i64 {
        let zone = FixedOffset::east_opt(self.utc_offset * 60);
        let at_utc = DateTime::<Utc>::from_timestamp_micros(at);
        let (Some(zone), Some(at_utc)) = (zone, at_utc) else {
            return at;
        };
        let mut local = at_utc.with_timezone(&zone);
        for _ in 0..DAYS_MAX {
            let day = local.date_naive();
            if !self.works(day) {
                local = self.midnight_after(zone, day).unwrap_or(local);
                continue;
            }
            let time = match self.digest_at {
                // A digest has its own hour; quiet hours are for what comes by itself.
                Some(digest) if digest < local.time() => {
                    local = self.midnight_after(zone, day).unwrap_or(local);
                    continue;
                }
                Some(digest) => digest,
                None => match self.quiet_end(local.time()) {
                    None => return local.timestamp_micros().max(at),
                    Some((until, false)) => until,
                    Some((_, true)) => {
                        local = self.midnight_after(zone, day).unwrap_or(local);
                        continue;
                    }
                },
            };
            let then = zone.from_local_datetime(&day.and_time(time)).single();
            return then.map_or(at, |then| then.timestamp_micros().max(at));
        }
        at
    }

    fn works(&self, day: NaiveDate) -> bool {
        (self.weekdays.is_empty() || self.weekdays.contains(&day.weekday()))
            && !self.holidays.contains(&day)
    }

    fn midnight_after(&self, zone: FixedOffset, day: NaiveDate) -> Option<DateTime<FixedOffset>> {
        let next = day.checked_add_days(Days::new(1))?;
        zone.from_local_datetime(&next.and_time(NaiveTime::MIN))
            .single()
    }

    /// The end of the quiet hours that `time` is in, and whether it is on the next day.
    fn quiet_end(&self, time: NaiveTime) -> Option<(NaiveTime, bool)> {
        let (from, until) = (self.quiet_from?, self.quiet_until?);
        if from < until {
            (from <= time && time < until).then_some((until, false))
        } else if time >= from {
            Some((until, true))
        } else {
            (time < until).then_some((until, false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn next(when: Value, at: &str) -> String {
        let when: When = serde_json::from_value(when).unwrap();
        assert!(when.check().is_empty());
        let at: DateTime<Utc> = at.parse().unwrap();
        let next =
            DateTime::<Utc>::from_timestamp_micros(when.next(at.timestamp_micros())).unwrap();
        let local = next.with_timezone(&FixedOffset::east_opt(9 * 3600).unwrap());
        local.format("%m-%d %H:%M").to_string()
    }

    #[test]
    fn quiet_hours_end_in_the_morning() {
        let quiet = json!({"quiet_from": "20:00", "quiet_until": "08:30"});
        assert_eq!(next(quiet.clone(), "2026-11-24T10:59:00Z"), "11-24 19:59"); // a minute before
        assert_eq!(next(quiet.clone(), "2026-11-24T11:00:00Z"), "11-25 08:30"); // 20:00
        assert_eq!(next(quiet.clone(), "2026-11-24T20:00:00Z"), "11-25 08:30"); // 05:00
        assert_eq!(next(quiet, "2026-11-24T23:30:00Z"), "11-25 08:30"); // over at that minute
        let day = json!({"quiet_from": "12:00", "quiet_until": "13:00"});
        assert_eq!(next(day.clone(), "2026-11-24T03:30:00Z"), "11-24 13:00");
        assert_eq!(next(day, "2026-11-24T04:00:00Z"), "11-24 13:00");
    }

    #[test]
    fn what_comes_on_a_holiday_waits_for_a_business_day() {
        let work = json!({"weekdays": ["mon", "tue", "wed", "thu", "fri"], "holidays": ["2026-11-23"],
            "quiet_from": "18:00", "quiet_until": "09:00"});
        assert_eq!(next(work.clone(), "2026-11-20T08:59:00Z"), "11-20 17:59"); // Friday
        assert_eq!(next(work.clone(), "2026-11-20T09:00:00Z"), "11-24 09:00"); // over the long weekend
        assert_eq!(next(work, "2026-11-21T03:00:00Z"), "11-24 09:00");
    }

    #[test]
    fn a_digest_goes_out_once_a_day() {
        let digest = json!({"digest_at": "07:30"});
        assert_eq!(next(digest.clone(), "2026-11-23T22:30:00Z"), "11-24 07:30");
        assert_eq!(next(digest, "2026-11-23T22:31:00Z"), "11-25 07:30");
    }

    #[test]
    fn half_of_the_quiet_hours_are_none() {
        let when: When = serde_json::from_value(json!({"quiet_from": "20:00"})).unwrap();
        assert_eq!(when.check().len(), 1);
        assert!(serde_json::from_value::<When>(json!({"digest_at": "25:00"})).is_err());
    }
}
