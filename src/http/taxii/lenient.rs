//! The lenient profile: what a service gets whose client needs what the standard does not give. It
//! changes how a page is written and where it ends, never what is in it.
//!
//! Dates are whole milliseconds, since some clients cut them there. An entry is shown with the
//! beginning of its millisecond; a page ends where a millisecond ends, and the entries of one
//! millisecond come in one transaction (`exchange/writer.rs`). So what is later than a date that was
//! shown is later than everything shown with it: nothing is lost and nothing is read twice.

use std::borrow::Cow;

use serde_json::Value;

/// Stamps are microseconds.
const MILLISECOND: i64 = 1000;

/// The date that an entry with this stamp shows.
pub const fn shown(stamp: i64) -> i64 {
    stamp.div_euclid(MILLISECOND) * MILLISECOND
}

/// The stamp after which entries are later than a mark. A mark between two milliseconds was not
/// given by this profile, and means what it says.
pub const fn after(mark: i64) -> i64 {
    if shown(mark) == mark {
        mark + MILLISECOND - 1
    } else {
        mark
    }
}

/// The mark of a page that shows nothing and asked for what is later than a stamp: the latest from
/// which nothing is lost that may still come.
pub const fn mark(after: i64) -> i64 {
    shown(after - (MILLISECOND - 1))
}

/// An object with its version of STIX said, which observables may leave out (STIX 3.2); one client
/// takes a page whose first object does not say it for another version of TAXII.
pub fn versioned(bytes: &str) -> Cow<'_, str> {
    let said = serde_json::from_str::<Value>(bytes)
        .is_ok_and(|object| object.get("spec_version").is_some());
    match bytes.trim_start().strip_prefix('{') {
        Some(rest) if !said => Cow::Owned(format!("{{\"spec_version\":\"2.1\",{rest}")),
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_later_than_a_date_shown_is_later_than_all_that_was_shown_with_it() {
        for stamp in [0, 1, 999, 1000, 1001, 1999, 123_456_789] {
            let mark = shown(stamp);
            assert!(after(mark) >= stamp && after(mark) < mark + MILLISECOND);
            assert_eq!(shown(after(mark)), mark);
            assert_eq!(after(mark) + 1, shown(after(mark) + 1));
        }
    }

    #[test]
    fn a_mark_echoed_of_an_empty_page_loses_nothing_and_stays_where_it_is() {
        for given in [0, 5000, 5001, 5456, 5999] {
            let echoed = mark(after(given));
            assert!(after(echoed) <= after(given), "{given}");
            assert_eq!(mark(after(echoed)), echoed);
        }
        assert_eq!(mark(after(5000)), 5000);
    }

    #[test]
    fn an_observable_says_its_version_and_all_else_is_as_it_was() {
        let plain = "{ \"type\":\"url\", \"n\":1e5}";
        assert_eq!(
            versioned(plain),
            "{\"spec_version\":\"2.1\", \"type\":\"url\", \"n\":1e5}"
        );
        let said = "{\"spec_version\":\"2.1\",\"n\":1.0}";
        assert_eq!(versioned(said), said);
    }
}
