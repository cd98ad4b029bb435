//! The query part of an address (TAXII 3.4, 3.5), and the cursor. A cursor says which collection it
//! is of, what was filtered and which item was shown last, and nothing of what was not shown (law
//! 4). It never runs out, carries its own filters for clients that drop theirs, and rights are
//! looked up anew at every page.

use axum::extract::Query;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::Failure;
use crate::exchange::read::{PAGE_MAX, Versions};
use crate::exchange::secret::Secret;
use crate::stix::timestamp::{Instant, parse_lenient};

const PURPOSE: &str = "taxii";

/// The `match` filters, as written. Only the length of an address bounds how many values there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// STIX ids, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// STIX types, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    versions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spec_versions: Vec<String>,
}

impl Filters {
    /// Which versions are asked for.
    pub fn versions(&self) -> Versions {
        let has = |word: &str| self.versions.iter().any(|value| value == word);
        if has("all") {
            return Versions::All;
        }
        let (first, last) = (has("first"), has("last"));
        let at: Vec<i64> = self
            .versions
            .iter()
            .filter_map(|value| Instant::parse(value))
            .map(|instant| instant.micros())
            .collect();
        if !first && at.is_empty() {
            return Versions::Last;
        }
        Versions::Some { first, last, at }
    }

    /// Whether objects of STIX 2.1, the only ones there are, are asked for.
    pub fn wants_2_1(&self) -> bool {
        self.spec_versions.is_empty() || self.spec_versions.iter().any(|value| value == "2.1")
    }
}

/// The parameters of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Microseconds.
    pub added_after: Option<i64>,
    /// At most so many items, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// A cursor.
    pub next: Option<String>,
    /// The filters.
    pub filters: Filters,
}

impl Parameters {
    /// Reads the query part. Parameters that TAXII does not know are ignored.
    pub fn read(uri: &Uri) -> Result<Self, Failure> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Failure::parameter("query", "cannot be read"))?;
        let mut read = Self {
            added_after: None,
            // Without a limit a client gets what one page holds: some never ask for a second.
            limit: PAGE_MAX,
            next: None,
            filters: Filters::default(),
        };
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in &pairs {
            let filter = name.starts_with("match[") && name.ends_with(']');
            if !filter && !matches!(name.as_str(), "added_after" | "limit" | "next") {
                continue;
            }
            if seen.contains(&name.as_str()) {
                return Err(Failure::parameter(name, "is given more than once"));
            }
            seen.push(name);
            if value.is_empty() && name == "next" {
                continue; // one client has it in its first request already
            }
            if value.is_empty() {
                return Err(Failure::parameter(name, "is empty"));
            }
            match name.as_str() {
                "added_after" => {
                    let stamp = parse_lenient(value)
                        .ok_or_else(|| Failure::parameter(name, "is no timestamp in UTC"))?;
                    read.added_after = Some(stamp);
                }
                "limit" => read.limit = limit(value)?,
                "next" => read.next = Some(value.clone()),
                "match[id]" => read.filters.ids = list(name, value, is_id)?,
                "match[type]" => read.filters.types = list(name, value, is_type)?,
                "match[version]" => read.filters.versions = versions(value)?,
                "match[spec_version]" => {
                    read.filters.spec_versions = list(name, value, is_spec_version)?;
                }
                _ => {} // another server's filter, which TAXII 3.4 lets a server ignore
            }
        }
        Ok(read)
    }

    /// Where to read on in a collection, and with which filters.
    pub fn resume(&self, secret: &Secret, scope: &str) -> Result<Position, Failure> {
        let here = Position {
            after: self.added_after,
            filters: self.filters.clone(),
        };
        let Some(next) = &self.next else {
            return Ok(here);
        };
        let cursor = secret
            .open(PURPOSE, next)
            .and_then(|content| serde_json::from_slice::<Cursor>(&content).ok())
            .filter(|cursor| cursor.scope == scope);
        match cursor {
            Some(cursor) => Ok(Position {
                after: here.after.max(Some(cursor.stamp)),
                filters: if here.filters == Filters::default() {
                    cursor.filters
                } else {
                    here.filters
                },
            }),
            // One client sends the last cursor it got anywhere, beside its own mark.
            None if here.after.is_some() => {
                tracing::info!("a cursor of another collection was ignored");
                Ok(here)
            }
            None => Err(Failure::parameter("next", "is no cursor of this resource")),
        }
    }
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Strictly after this stamp, in microseconds.
    pub after: Option<i64>,
    /// The filters in force.
    pub filters: Filters,
}

impl Position {
    /// The cursor of what follows the item with this stamp.
    pub fn cursor(&self, secret: &Secret, scope: &str, stamp: i64) -> Option<String> {
        let cursor = Cursor {
            scope: scope.to_owned(),
            filters: self.filters.clone(),
            stamp,
        };
        let content = serde_json::to_vec(&cursor).ok()?;
        Some(secret.seal(PURPOSE, &content))
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(rename = "c")]
    scope: String,
    #[serde(rename = "f")]
    filters: Filters,
    #[serde(rename = "s")]
    stamp: i64,
}

/// A number of any length; one beyond what a page holds is no error (TAXII 3.4).
fn limit(value: &str) -> Result<usize, Failure> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || value.bytes().all(|byte| byte == b'0') {
        return Err(Failure::parameter("limit", "is no positive integer"));
    }
    Ok(value.parse().unwrap_or(PAGE_MAX).min(PAGE_MAX))
}

/// More values than this in one filter is no question a page could answer.
const VALUES_MAX: usize = 500;

fn list(name: &str, value: &str, is_valid: fn(&str) -> bool) -> Result<Vec<String>, Failure> {
    let values: Vec<String> = value.split(',').map(str::to_owned).collect();
    if values.len() > VALUES_MAX {
        return Err(Failure::parameter(name, "holds more values than 500"));
    }
    if values.iter().all(|value| is_valid(value)) {
        return Ok(values);
    }
    Err(Failure::parameter(name, "holds a value of another form"))
}

/// A type, two hyphens and a UUID of whatever version: only the form is at fault here.
fn is_id(value: &str) -> bool {
    value
        .split_once("--")
        .is_some_and(|(of, uuid)| is_type(of) && uuid.len() == 36 && Uuid::parse_str(uuid).is_ok())
}

fn is_type(value: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=250).contains(&value.len()) && value.bytes().all(known)
}

fn is_spec_version(value: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    value
        .split_once('.')
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

fn versions(value: &str) -> Result<Vec<String>, Failure> {
    let name = "match[version]";
    let is_valid =
        |value: &str| matches!(value, "all" | "first" | "last") || Instant::parse(value).is_some();
    let values = list(name, value, is_valid)?;
    if values.len() > 1 && values.iter().any(|value| value == "all") {
        return Err(Failure::parameter(name, "joins `all` with something else"));
    }
    for (at, value) in values.iter().enumerate() {
        let same = |other: &String| {
            other == value
                || Instant::parse(other).is_some_and(|other| Some(other) == Instant::parse(value))
        };
        if values.iter().skip(at + 1).any(same) {
            return Err(Failure::parameter(name, "names a version twice"));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Parameters, Failure> {
        Parameters::read(&format!("/taxii2?{query}").parse().unwrap())
    }

    #[test]
    fn parameters_are_read_encoded_or_not() {
        let read = read("added_after=2023-06-09T00:00:00Z&limit=5&match%5Btype%5D=indicator,malware&match[version]=first,last&x=y&match[tier]=1&match[spec_version]=2.0,2.1")
            .unwrap();
        assert_eq!(read.added_after, parse_lenient("2023-06-09T00:00:00Z"));
        assert_eq!(read.limit, 5);
        assert_eq!(read.filters.types, ["indicator", "malware"]);
        assert_eq!(
            read.filters.versions(),
            Versions::Some {
                first: true,
                last: true,
                at: Vec::new()
            }
        );
        assert!(read.filters.wants_2_1());
    }

    #[test]
    fn nothing_asked_is_a_full_page_of_last_versions() {
        let read = Parameters::read(&"/taxii2".parse().unwrap()).unwrap();
        assert_eq!((read.limit, read.added_after), (PAGE_MAX, None));
        assert_eq!(read.filters.versions(), Versions::Last);
    }

    #[test]
    fn a_limit_beyond_the_page_is_the_page() {
        assert_eq!(read("limit=1001").unwrap().limit, PAGE_MAX);
        assert_eq!(
            read("limit=99999999999999999999999").unwrap().limit,
            PAGE_MAX
        );
        assert_eq!(read("limit=1").unwrap().limit, 1);
    }

    #[test]
    fn malformed_parameters_are_refused() {
        for query in [
            "limit=0",
            "limit=-1",
            "limit=00",
            "limit=1.5",
            "limit=x",
            "limit=",
            "limit=+5",
            "limit=1&limit=2",
            "added_after=yesterday",
            "added_after=2023-06-09",
            "added_after=2023-06-09T00:00:00+09:00",
            "added_after=2023-06-09T00:00:00Z&added_after=2023-06-09T00:00:00Z",
            "match[type]=",
            "match[type]=indicator&match[type]=malware",
            "match[type]=indicator&match%5Btype%5D=malware",
            "match[type]=indicator,",
            "match[type]=indicator,%20malware",
            "match[id]=indicator",
            "match[id]=indicator--x",
            "match[version]=all,last",
            "match[version]=last,last",
            "match[version]=newest",
            "match[version]=2020-01-01T00:00:00Z,2020-01-01T00:00:00.000Z",
            "match[spec_version]=2",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }

    #[test]
    fn another_spec_version_wants_nothing_the_hub_has() {
        assert!(!read("match[spec_version]=2.0").unwrap().filters.wants_2_1());
    }

    fn sealed(secret: &Secret) -> String {
        let position = read("match[type]=indicator")
            .unwrap()
            .resume(secret, "a")
            .unwrap();
        position.cursor(secret, "a", 2_000_000).unwrap()
    }

    #[test]
    fn a_cursor_carries_its_filters_for_clients_that_drop_theirs() {
        let secret = Secret::new(&[1; 32]);
        let next = sealed(&secret);
        let resumed = |query: String| read(&query).unwrap().resume(&secret, "a").unwrap();
        let position = resumed(format!("next={next}"));
        assert_eq!(position.after, Some(2_000_000));
        assert_eq!(position.filters.types, ["indicator"]);
        let own = resumed(format!("next={next}&match[type]=malware"));
        assert_eq!(own.filters.types, ["malware"]);
    }

    #[test]
    fn a_cursor_goes_on_from_the_later_of_it_and_added_after() {
        let secret = Secret::new(&[1; 32]);
        let next = sealed(&secret);
        for (after, expected) in [(1, 2_000_000), (3, 3_000_000)] {
            let query = format!("next={next}&added_after=1970-01-01T00:00:0{after}Z");
            let position = read(&query).unwrap().resume(&secret, "a").unwrap();
            assert_eq!(position.after, Some(expected));
        }
    }

    #[test]
    fn a_cursor_of_elsewhere_is_ignored_beside_a_mark_and_refused_alone() {
        let secret = Secret::new(&[1; 32]);
        let next = sealed(&secret);
        let marked = read(&format!("next={next}&added_after=1970-01-01T00:00:01Z")).unwrap();
        let position = marked.resume(&secret, "b").unwrap();
        assert_eq!(position.after, Some(1_000_000));
        assert_eq!(position.filters, Filters::default());
        let alone = read(&format!("next={next}")).unwrap();
        assert!(alone.resume(&secret, "b").is_err());
        assert!(alone.resume(&Secret::new(&[2; 32]), "a").is_err());
        assert!(read("next=x").unwrap().resume(&secret, "a").is_err());
    }
}
