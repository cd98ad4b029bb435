//! What is asked for, as pairs of names and values: the same for an address, a saved search and a
//! subscription's filter. It says what is wrong by the name at fault, and finds nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};

use super::super::feedback::FeedbackKind;
use super::{Filters, PAGE_MAX, Search, Sort};
use crate::search::Query;
use crate::search::document::MARKS;

/// Names with their values as they were typed.
pub type Pairs = BTreeMap<String, String>;

/// Words and filters, beside the marks.
pub const FILTERS: &[&str] = &[
    "q",
    "tlp",
    "form",
    "level",
    "feedback",
    "from",
    "to",
    "minutes_min",
    "minutes_max",
    "drill",
];

/// What is about a page, which statistics and saved searches do not have.
pub const PAGE: &[&str] = &["sort", "facets", "cursor", "limit"];

/// What can be counted beside the marks.
const COUNTED: &[&str] = &["tlp", "form", "level", "feedback"];

/// A page where nobody names a length.
const PAGE_DEFAULT: usize = 20;

/// A filter has at most so many values.
const VALUES_MAX: usize = 50;

/// What is kept of a search is at most so many bytes, names and values.
const KEPT_BYTES_MAX: usize = 4_000;

/// For what the reader has said nothing of.
pub(super) const NO_FEEDBACK: &str = "none";

/// Something that cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misasked {
    /// The name at fault.
    pub name: String,
    /// What is wrong with it.
    pub message: String,
}

impl Misasked {
    fn of(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
        }
    }
}

impl Search {
    /// Reads what is asked for. Names that are none of a search's are not looked at.
    ///
    /// # Errors
    /// The first value that cannot be understood.
    pub fn asked(pairs: &Pairs) -> Result<Self, Misasked> {
        let query = Query::parse(get(pairs, "q").unwrap_or_default()).map_err(|fault| {
            let message = format!("at character {}: {}", fault.place + 1, fault.rule);
            Misasked::of("q", message)
        })?;
        let sort = match get(pairs, "sort") {
            Some("date") => Sort::Date,
            Some("relevance") => Sort::Relevance,
            // Without words nothing matches better than anything else.
            None if query.words.is_empty() => Sort::Date,
            None => Sort::Relevance,
            Some(_) => return Err(Misasked::of("sort", "is `date` or `relevance`")),
        };
        let facets = values(pairs, "facets")?;
        let counted = |name: &String| {
            let mut names = MARKS.iter().chain(COUNTED);
            names.any(|known| *known == name.as_str())
        };
        if let Some(unknown) = facets.iter().find(|name| !counted(name)) {
            let message = format!("`{unknown}` is nothing that is counted");
            return Err(Misasked::of("facets", message));
        }
        Ok(Self {
            query,
            filters: filters(pairs)?,
            sort,
            facets,
            limit: limit(pairs)?,
        })
    }

    /// Reads a search that is kept to be asked again: words and filters, and something of them.
    ///
    /// # Errors
    /// As [`Search::asked`]; names that are none of these, too much, or nothing at all.
    pub fn kept(pairs: &Pairs) -> Result<Self, Misasked> {
        let known = |name: &str| FILTERS.contains(&name) || MARKS.contains(&name);
        if let Some(name) = pairs.keys().find(|name| !known(name)) {
            let message = "is none of the words and filters of a search";
            return Err(Misasked::of(name, message));
        }
        let bytes: usize = pairs
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > KEPT_BYTES_MAX {
            let message = format!("all of it is at most {KEPT_BYTES_MAX} bytes long");
            return Err(Misasked::of("", message));
        }
        let search = Self {
            sort: Sort::Date,
            ..Self::asked(pairs)?
        };
        if search.query == Query::default() && search.filters.is_empty() {
            return Err(Misasked::of("", "has words or a filter"));
        }
        Ok(search)
    }
}

fn get<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.get(name).map(String::as_str)
}

fn limit(pairs: &Pairs) -> Result<usize, Misasked> {
    let Some(limit) = number(pairs, "limit")? else {
        return Ok(PAGE_DEFAULT);
    };
    usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=PAGE_MAX).contains(limit))
        .ok_or_else(|| Misasked::of("limit", format!("is a number from 1 to {PAGE_MAX}")))
}

fn filters(pairs: &Pairs) -> Result<Filters, Misasked> {
    let mut filters = Filters {
        from: instant(pairs, "from")?,
        until: instant(pairs, "to")?,
        minutes_min: number(pairs, "minutes_min")?,
        minutes_max: number(pairs, "minutes_max")?,
        form: values(pairs, "form")?,
        level: values(pairs, "level")?,
        feedback: values(pairs, "feedback")?,
        drill: flag(pairs, "drill")?,
        ..Filters::default()
    };
    let known = |word: &String| word == NO_FEEDBACK || FeedbackKind::of(word).is_some();
    if let Some(unknown) = filters.feedback.iter().find(|word| !known(word)) {
        let message = format!("`{unknown}` is no kind of feedback, nor `{NO_FEEDBACK}`");
        return Err(Misasked::of("feedback", message));
    }
    for label in values(pairs, "tlp")? {
        let plain = label.trim_start_matches("TLP:");
        filters.tlp.push(format!("TLP:{plain}"));
    }
    for name in MARKS {
        let values = values(pairs, name)?;
        if !values.is_empty() {
            filters.marks.insert((*name).to_owned(), values);
        }
    }
    Ok(filters)
}

fn values(pairs: &Pairs, name: &str) -> Result<Vec<String>, Misasked> {
    let Some(text) = get(pairs, name) else {
        return Ok(Vec::new());
    };
    let values = text.split(',').filter(|value| !value.is_empty());
    let values: Vec<String> = values.map(str::to_owned).collect();
    if values.is_empty() || values.len() > VALUES_MAX {
        let message = format!("has 1 to {VALUES_MAX} values with commas between");
        return Err(Misasked::of(name, message));
    }
    Ok(values)
}

fn flag(pairs: &Pairs, name: &str) -> Result<bool, Misasked> {
    match get(pairs, name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Misasked::of(name, "is `true` or `false`")),
    }
}

fn number(pairs: &Pairs, name: &str) -> Result<Option<u64>, Misasked> {
    let Some(text) = get(pairs, name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Misasked::of(name, "is a whole number")),
    }
}

/// A date, which is its first instant in UTC, or an instant; in microseconds.
fn instant(pairs: &Pairs, name: &str) -> Result<Option<i64>, Misasked> {
    let Some(text) = get(pairs, name) else {
        return Ok(None);
    };
    let date = text.parse::<NaiveDate>().ok();
    let date = date.and_then(|date| date.and_hms_opt(0, 0, 0));
    let instant = date
        .map(|date| date.and_utc().timestamp_micros())
        .or_else(|| {
            DateTime::parse_from_rfc3339(text)
                .ok()
                .map(|at| at.timestamp_micros())
        });
    match instant {
        Some(instant) => Ok(Some(instant)),
        None => Err(Misasked::of(
            name,
            "is a date such as 2026-04-01, or an instant such as 2026-04-01T09:00:00Z",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Pairs {
        let list = list.iter();
        list.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_kept_is_words_and_filters_and_something_of_them() {
        for good in [
            &[("q", "電力 障害 -訓練")][..],
            &[("sector", "ict,power"), ("minutes_min", "60")],
            &[("feedback", "prevented,none")],
            &[("level", "会員限")],
            &[("drill", "true")],
        ] {
            assert!(Search::kept(&pairs(good)).is_ok(), "{good:?}");
        }
        let long = "a".repeat(KEPT_BYTES_MAX);
        for (bad, name) in [
            (&[][..], ""),
            (&[("q", " ")], ""),
            (&[("drill", "false")], ""),
            (&[("q", "a \"b")], "q"),
            (&[("q", "a"), ("limit", "5")], "limit"),
            (&[("q", "a"), ("colour", "red")], "colour"),
            (&[("sector", ",")], "sector"),
            (&[("feedback", "liked")], "feedback"),
            (&[("sector", long.as_str())], ""),
        ] {
            let wrong = Search::kept(&pairs(bad)).unwrap_err();
            assert_eq!(wrong.name, name, "{bad:?}");
        }
    }
}
