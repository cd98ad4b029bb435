//! What a peer answers to a request for objects: an envelope in any of the shapes that servers give
//! it, each object as the peer wrote it, and the mark that goes with it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{Answer, Trouble};

/// One page.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects, byte for byte.
    pub objects: Vec<String>,
    /// Whether the peer says that there is more.
    pub more: bool,
    /// Its cursor for the rest.
    pub next: Option<String>,
    /// The `date_added` of the last object, where the peer says it.
    pub last: Option<Mark>,
}

/// A peer's time stamp: as it wrote it, since it compares its own, and as an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// As written.
    pub text: String,
    /// In microseconds.
    pub micros: i64,
}

impl Mark {
    /// Reads a time stamp; text that is none (some servers write `undefined`) is no mark.
    pub fn read(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(Self {
            text: text.trim().to_owned(),
            micros: at.timestamp_micros(),
        })
    }

    /// The mark of the instant just before.
    pub fn before(&self) -> Self {
        Self::at(self.micros.saturating_sub(1))
    }

    /// The mark of an instant, as TAXII writes it.
    pub fn at(micros: i64) -> Self {
        Self {
            text: crate::stix::timestamp::format_taxii(micros),
            micros,
        }
    }
}

/// Members are read loosely: a page is not lost to a `null` where there should be a list.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    objects: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    more: Option<Value>,
    #[serde(default)]
    next: Option<Value>,
}

impl Page {
    /// Reads an answer, whatever media type it claims.
    pub fn read(answer: &Answer) -> Result<Self, Trouble> {
        let envelope: Envelope = match answer.body.trim_ascii() {
            [] => {
                return Ok(Self::default());
            }
            body => serde_json::from_slice(body)
                .map_err(|_| Trouble::Unreadable("it is no envelope".to_owned()))?,
        };
        let objects: Vec<String> = envelope
            .objects
            .unwrap_or_default()
            .into_iter()
            .map(|object| object.get().to_owned())
            .collect();
        let next = match envelope.next {
            Some(Value::String(next)) if !next.is_empty() => Some(next),
            Some(Value::Number(next)) => Some(next.to_string()),
            _ => None,
        };
        let more = match envelope.more {
            Some(Value::Bool(more)) => more,
            Some(Value::String(more)) => more == "true",
            // Some servers give the cursor alone, and leave it out when they are done.
            _ => next.is_some() && !objects.is_empty(),
        };
        let last = answer.header("x-taxii-date-added-last");
        Ok(Self {
            // On an empty page it is whatever the server puts there.
            last: last.and_then(Mark::read).filter(|_| !objects.is_empty()),
            objects,
            more,
            next,
        })
    }

    /// Ids of the objects, with the version of each.
    pub fn versions(&self) -> Vec<(String, Option<String>)> {
        let read = |raw: &String| {
            let object: Value = serde_json::from_str(raw).ok()?;
            let text = |name: &str| Some(object.get(name)?.as_str()?.to_owned());
            Some((text("id")?, text("modified").or_else(|| text("created"))))
        };
        self.objects.iter().filter_map(read).collect()
    }
}

/// The latest `date_added` that a manifest gives to an object of the page.
pub fn last_in_manifest(manifest: &Answer, page: &Page) -> Option<Mark> {
    let manifest: Value = serde_json::from_slice(&manifest.body).ok()?;
    let versions = page.versions();
    let mut last: Option<Mark> = None;
    for record in manifest.get("objects")?.as_array()? {
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        let (Some(id), Some(added)) = (text("id"), text("date_added").and_then(Mark::read)) else {
            continue;
        };
        let named = |version: &Option<String>| match (version, text("version")) {
            (Some(own), Some(theirs)) => same_instant(own, theirs),
            _ => true,
        };
        let on_page = versions
            .iter()
            .any(|(own, version)| own == id && named(version));
        if on_page && last.as_ref().is_none_or(|last| last.micros < added.micros) {
            last = Some(added);
        }
    }
    last
}

/// Versions are instants: servers write them with more or fewer digits than the object does.
fn same_instant(one: &str, two: &str) -> bool {
    let at = |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    match (at(one), at(two)) {
        (Ok(one), Ok(two)) => one == two,
        _ => one == two,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn read(body: &str, last: Option<&str>) -> Page {
        let mut headers = HeaderMap::new();
        if let Some(last) = last {
            headers.insert("x-taxii-date-added-last", last.parse().unwrap());
        }
        let body = body.as_bytes().to_vec();
        Page::read(&Answer { headers, body }).unwrap()
    }

    #[test]
    fn every_shape_of_nothing_is_an_empty_page_and_moves_no_mark() {
        let now = Some("2030-01-01T00:00:00Z");
        for body in [
            "",
            "{}",
            r#"{"objects":[]}"#,
            r#"{"more":false,"objects":null}"#,
        ] {
            let page = read(body, now);
            assert!(page.objects.is_empty() && !page.more, "{body}");
            assert_eq!(page.last, None, "{body}");
        }
    }

    #[test]
    fn objects_keep_their_bytes_and_a_cursor_may_come_alone() {
        let page = read(r#"{"next":"c","objects":[{"id" : 1}]}"#, Some("undefined"));
        assert_eq!(page.objects, [r#"{"id" : 1}"#]);
        assert!(page.more && page.next.as_deref() == Some("c") && page.last.is_none());
        assert!(!read(r#"{"next":"c","more":false,"objects":[1]}"#, None).more);
        assert!(
            read(r#"{"more":true}"#, None).more,
            "an empty page before the rest"
        );
    }

    #[test]
    fn a_login_page_is_no_envelope() {
        let answer = Answer {
            headers: HeaderMap::new(),
            body: b"<html>log in</html>".to_vec(),
        };
        assert!(Page::read(&answer).is_err());
    }
}
