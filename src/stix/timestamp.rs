//! Timestamps: STIX §2.16 (any number of fractional digits) and TAXII §2 (exactly six). A STIX
//! timestamp is checked and compared as it is written and never written again, because rounding it
//! would change the version of an object. No clock is read here.

use std::cmp::Ordering;

const DAY_SECONDS: i64 = 86_400;
const MICROS: i64 = 1_000_000;

/// An instant of any precision, borrowed from its text.
///
/// ```
/// use sekisho::stix::timestamp::Instant;
/// let a = Instant::parse("2024-01-01T00:00:00.1234567Z").unwrap();
/// let b = Instant::parse("2024-01-01T00:00:00.12345670Z").unwrap();
/// assert_eq!(a, b);
/// assert!(Instant::parse("2024-01-01T00:00:00.1234568Z").unwrap() > a);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Instant<'a> {
    seconds: i64,
    /// Without trailing zeros, so that equal instants have equal text.
    fraction: &'a str,
    /// As written; no part of the instant.
    digits: usize,
}

impl<'a> Instant<'a> {
    /// Reads a STIX timestamp; `None` unless it is RFC 3339 in UTC with a literal `Z`.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_suffix('Z')?;
        let (whole, fraction) = match rest.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (rest, ""),
        };
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            seconds: seconds(whole)?,
            fraction: fraction.trim_end_matches('0'),
            digits: fraction.len(),
        })
    }

    /// Counts the fractional digits as written (STIX §3.2 wants three in `created`).
    #[must_use]
    pub const fn fraction_digits(&self) -> usize {
        self.digits
    }

    /// Gives microseconds since 1970, cut and not rounded.
    #[must_use]
    pub fn micros(&self) -> i64 {
        let mut micros = 0;
        let mut digits = self.fraction.bytes();
        for _ in 0..6 {
            let digit = digits.next().map_or(0, |byte| i64::from(byte) - 48);
            micros = micros * 10 + digit;
        }
        self.seconds * MICROS + micros
    }
}

impl PartialEq for Instant<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Instant<'_> {}

impl Ord for Instant<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without trailing zeros, digit strings order as the fractions they stand for.
        (self.seconds, self.fraction).cmp(&(other.seconds, other.fraction))
    }
}

impl PartialOrd for Instant<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Tells whether the text is a STIX timestamp (§2.16).
#[must_use]
pub fn is_stix(text: &str) -> bool {
    Instant::parse(text).is_some()
}

/// Compares two STIX timestamps as instants; `None` if either is none.
#[must_use]
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(Instant::parse(left)?.cmp(&Instant::parse(right)?))
}

/// An instant of the hub's own (microseconds) with milliseconds, as STIX 3.2 asks of `created` and
/// `modified`.
#[must_use]
pub fn format_stix(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

/// Writes microseconds since 1970 as a TAXII timestamp: six digits and `Z`. Instants outside the
/// years 0000 to 9999, which RFC 3339 cannot write, become the nearest end.
#[must_use]
pub fn format_taxii(micros: i64) -> String {
    const FIRST: i64 = -62_167_219_200 * MICROS;
    const LAST: i64 = 253_402_300_800 * MICROS - 1;
    let micros = micros.clamp(FIRST, LAST);
    let whole = micros.div_euclid(MICROS);
    let (year, month, day) = civil(whole.div_euclid(DAY_SECONDS));
    let second = whole.rem_euclid(DAY_SECONDS);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        micros.rem_euclid(MICROS)
    )
}

/// Reads a client's timestamp as microseconds since 1970: whole seconds or up to nine fractional
/// digits, cut to microseconds. TAXII §2 asks for six, and real clients send zero to nine.
#[must_use]
pub fn parse_lenient(text: &str) -> Option<i64> {
    let instant = Instant::parse(text)?;
    (instant.fraction_digits() <= 9).then(|| instant.micros())
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SS`.
fn seconds(text: &str) -> Option<i64> {
    if text.len() != 19 {
        return None;
    }
    let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if separators
        .iter()
        .any(|&(at, sign)| text.get(at..=at) != Some(sign))
    {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().try_fold(0, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte) - 48)
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap_second = hour == 23 && minute == 59 && second == 60;
    let valid = (1..=12).contains(&month)
        && (1..=month_days(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && (second < 60 || leap_second);
    valid.then(|| days(year, month, day) * DAY_SECONDS + hour * 3_600 + minute * 60 + second)
}

const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a Gregorian date, counting years from March so that the leap day comes last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stix_takes_any_fraction_and_nothing_but_utc() {
        for text in [
            "2024-02-29T23:59:59Z",
            "2024-01-01T00:00:00.0Z",
            "2016-01-20T12:31:12.12345678901234567890Z",
            "2016-12-31T23:59:60Z",
            "0000-01-01T00:00:00Z",
        ] {
            assert!(is_stix(text), "{text}");
        }
        for text in [
            "2023-02-29T23:59:59Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00",
            "2024-01-01",
            "2024-01-01T00:00:00+00:00",
            "2024-01-01t00:00:00Z",
            "2024-01-01T00:00:00z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01 00:00:00Z",
            "+024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.1 Z",
            "",
            "２024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.1ZZ",
            "Z",
            "2024-1-01T00:00:00Z",
        ] {
            assert!(!is_stix(text), "{text}");
        }
    }

    #[test]
    fn instants_compare_beyond_microseconds() {
        let order = |a: &str, b: &str| {
            let stamp = |part: &str| format!("2024-01-01T00:00:00{part}Z");
            compare(&stamp(a), &stamp(b)).unwrap()
        };
        assert_eq!(order("", ".000"), Ordering::Equal);
        assert_eq!(order(".1", ".10"), Ordering::Equal);
        assert_eq!(order(".5", ".49"), Ordering::Greater);
        assert_eq!(order(".0000001", ".00000011"), Ordering::Less);
        assert_eq!(order(".9", ".10"), Ordering::Greater);
        assert_eq!(compare("x", "2024-01-01T00:00:00Z"), None);
    }

    #[test]
    fn taxii_has_six_digits() {
        assert_eq!(format_taxii(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(format_taxii(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(
            format_taxii(1_709_251_199_000_001),
            "2024-02-29T23:59:59.000001Z"
        );
        assert_eq!(format_taxii(i64::MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format_taxii(i64::MIN), "0000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn added_after_takes_nine_digits_and_cuts_them() {
        assert_eq!(parse_lenient("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(parse_lenient("1970-01-01T00:00:00.5Z"), Some(500_000));
        assert_eq!(parse_lenient("1970-01-01T00:00:00.000001999Z"), Some(1));
        assert_eq!(parse_lenient("1969-12-31T23:59:59.9999999Z"), Some(-1));
        assert_eq!(parse_lenient("1970-01-01T00:00:00.0000019990Z"), None);
        assert_eq!(parse_lenient("1970-01-01T00:00:00+00:00"), None);
        assert_eq!(parse_lenient("1970-01-01"), None);
    }

    proptest! {
        #[test]
        fn taxii_stamps_read_back(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
            prop_assert_eq!(parse_lenient(&format_taxii(micros)), Some(micros));
        }

        #[test]
        fn text_order_of_taxii_stamps_is_time_order(a in 0..4_102_444_800_000_000_i64, b in 0..4_102_444_800_000_000_i64) {
            prop_assert_eq!(format_taxii(a).cmp(&format_taxii(b)), a.cmp(&b));
            prop_assert_eq!(compare(&format_taxii(a), &format_taxii(b)), Some(a.cmp(&b)));
        }
    }
}
