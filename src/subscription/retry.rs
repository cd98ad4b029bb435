//! When a delivery that failed is tried again: the schedule of Standard Webhooks, what the receiver
//! asks for, and the end.

/// Seconds before each attempt after the first.
const SCHEDULE: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// A receiver may ask for at most a day.
const ASKED_MAX: i64 = 86_400;

const SECOND: i64 = 1_000_000;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// It was not, for this reason; the receiver may have named seconds to wait.
    Failed {
        /// In words, for the subscriber.
        why: String,
        /// Seconds, from `Retry-After`.
        after: Option<i64>,
    },
    /// It was not, and never will be: the mail server refuses this very mail.
    Refused {
        /// In words, for the subscriber.
        why: String,
    },
    /// The receiver wants nothing more (410).
    Gone,
    /// It may no longer be told: the gate says no now.
    Withheld,
    /// It was not made: the hub had no line free for it. It waits on, and nothing is counted.
    NotMade,
}

/// When to try again after the `attempts`th attempt failed at `now` (microseconds); `None` where it
/// was the last. `spread` (0 to 99) parts those who failed together.
#[must_use]
pub fn next(attempts: i64, now: i64, after: Option<i64>, spread: i64) -> Option<i64> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let seconds = SCHEDULE.get(place).copied()?;
    // Up to a tenth later, so that a receiver that comes back is not run over.
    let later = seconds * SECOND + seconds * spread.clamp(0, 99) * (SECOND / 1000);
    let asked = after.map_or(0, |seconds| seconds.clamp(0, ASKED_MAX) * SECOND);
    Some(now + later.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_and_no_more() {
        assert_eq!(next(1, 0, None, 0), Some(5 * SECOND));
        assert_eq!(next(9, 0, None, 0), Some(86_400 * SECOND));
        assert_eq!(next(10, 0, None, 0), None);
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_and_never_for_less() {
        assert_eq!(next(1, 0, Some(60), 0), Some(60 * SECOND));
        assert_eq!(next(2, 0, Some(1), 0), Some(300 * SECOND));
        assert_eq!(next(1, 0, Some(1_000_000), 0), Some(86_400 * SECOND));
    }

    #[test]
    fn those_who_failed_together_do_not_return_together() {
        let (one, two) = (next(2, 0, None, 0).unwrap(), next(2, 0, None, 99).unwrap());
        assert!(one < two && two < one + 30 * SECOND);
    }
}
