//! One page of a collection, for the four resources that are paged alike (TAXII 3.2, 3.5).

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::error::Failure;
use super::lenient;
use super::media;
use super::query::Parameters;
use super::session::Session;
use crate::council::TaxiiProfile;
use crate::exchange::read::{ObjectEntry, ObjectQuery, Versions};
use crate::stix::timestamp::format_taxii;

/// Items of a collection, oldest first.
#[derive(Debug)]
pub struct Page {
    /// The items.
    pub entries: Vec<ObjectEntry>,
    /// Where the page begins: strictly after this stamp.
    after: Option<i64>,
    /// The cursor of the rest; there is a rest if and only if there is a cursor.
    next: Option<String>,
    /// How it is written.
    pub profile: TaxiiProfile,
}

/// What to read of the object that the path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The whole collection; the path names no object.
    Collection,
    /// The object, in the versions asked for.
    Object,
    /// All versions of the object.
    Versions,
}

impl Page {
    /// Reads the page that the request asks for.
    pub async fn read(session: &Session, of: Of) -> Result<Self, Failure> {
        let collection = session.collection()?;
        let kinds: Vec<String> = collection
            .kinds
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect();
        if !collection.can_read() {
            return Err(Failure::forbidden("this collection cannot be read"));
        }
        let mut parameters = Parameters::read(&session.uri)?;
        let profile = session.profile();
        if profile == TaxiiProfile::Lenient {
            parameters.added_after = parameters.added_after.map(lenient::after);
        }
        let object = match of {
            Of::Collection => None,
            Of::Object | Of::Versions => Some(session.parameter("object")?),
        };
        let scope = format!("{} {}", collection.id, object.unwrap_or_default());
        let secret = session.exchange.secret();
        let view = session.view().await?;
        let exists = match object {
            None => true,
            // TAXII 5.6 has both 404 and an empty envelope: 404 where the caller has nothing of this
            // id, empty where filters leave nothing of it.
            Some(id) => {
                let any = ObjectQuery {
                    limit: 1,
                    ids: vec![id.to_owned()],
                    kinds: kinds.clone(),
                    versions: Versions::All,
                    ..ObjectQuery::default()
                };
                !session.exchange.objects(&view, &any).await?.0.is_empty()
            }
        };
        if !exists {
            return Err(Failure::not_found());
        }
        let position = parameters.resume(secret, &scope)?;
        let (entries, more) = if position.filters.wants_2_1() {
            let query = ObjectQuery {
                added_after: position.after,
                limit: parameters.limit,
                // Only filters on versions are valid below an object.
                ids: object.map_or_else(|| position.filters.ids.clone(), |id| vec![id.to_owned()]),
                types: match of {
                    Of::Collection => position.filters.types.clone(),
                    Of::Object | Of::Versions => Vec::new(),
                },
                kinds,
                versions: match of {
                    Of::Versions => Versions::All,
                    Of::Collection | Of::Object => position.filters.versions(),
                },
                whole_milliseconds: profile == TaxiiProfile::Lenient,
            };
            session.exchange.objects(&view, &query).await?
        } else {
            (Vec::new(), false)
        };
        let next = entries
            .last()
            .filter(|_| more)
            .and_then(|last| position.cursor(secret, &scope, last.added));
        Ok(Self {
            entries,
            after: position.after,
            next,
            profile,
        })
    }

    /// When an item was added, as the caller is told.
    pub const fn date(&self, entry: &ObjectEntry) -> i64 {
        match self.profile {
            TaxiiProfile::Standard => entry.added,
            TaxiiProfile::Lenient => lenient::shown(entry.added),
        }
    }

    /// The answer: `items` are JSON texts, one for each entry, put together as they are.
    pub fn answer(&self, name: &str, items: impl Iterator<Item = impl AsRef<str>>) -> Response {
        let mut response = media::answer(StatusCode::OK, self.body(name, items));
        let headers = response.headers_mut();
        // With no item, the mark stays where the client had it; "now" would skip what comes late.
        let mark = match (self.after, self.profile) {
            (None, _) => 0,
            (Some(after), TaxiiProfile::Standard) => after,
            (Some(after), TaxiiProfile::Lenient) => lenient::mark(after),
        };
        for (header, entry) in [
            ("x-taxii-date-added-first", self.entries.first()),
            ("x-taxii-date-added-last", self.entries.last()),
        ] {
            let stamp = format_taxii(entry.map_or(mark, |entry| self.date(entry)));
            if let Ok(value) = HeaderValue::try_from(stamp) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
        response
    }

    fn body(&self, name: &str, items: impl Iterator<Item = impl AsRef<str>>) -> String {
        let lenient = self.profile == TaxiiProfile::Lenient;
        if self.entries.is_empty() && !lenient {
            return "{}".to_owned(); // TAXII 2: a list that is there has an element
        }
        let mut body = String::from("{");
        if let Some(next) = &self.next {
            // A cursor is base64 and needs no escaping.
            body.push_str("\"more\":true,\"next\":\"");
            body.push_str(next);
            body.push_str("\",");
        } else if lenient {
            body.push_str("\"more\":false,");
        }
        body.push('"');
        body.push_str(name);
        body.push_str("\":[");
        for (at, item) in items.enumerate() {
            if at > 0 {
                body.push(',');
            }
            body.push_str(item.as_ref());
        }
        body.push_str("]}");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(stamps: &[i64], after: Option<i64>, next: Option<&str>) -> Page {
        Page {
            entries: stamps
                .iter()
                .map(|stamp| ObjectEntry {
                    added: *stamp,
                    id: String::new(),
                    version: String::new(),
                    bytes: format!("{{\"n\": {stamp} }}"),
                })
                .collect(),
            after,
            next: next.map(str::to_owned),
            profile: TaxiiProfile::Standard,
        }
    }

    fn marks(page: &Page) -> Vec<String> {
        let response = page.answer("objects", std::iter::empty::<&str>());
        ["x-taxii-date-added-first", "x-taxii-date-added-last"]
            .map(|name| response.headers()[name].to_str().unwrap().to_owned())
            .to_vec()
    }

    #[test]
    fn objects_are_served_byte_for_byte() {
        let page = page(&[1, 2], None, Some("abc"));
        let items = page.entries.iter().map(|entry| entry.bytes.as_str());
        assert_eq!(
            page.body("objects", items),
            r#"{"more":true,"next":"abc","objects":[{"n": 1 },{"n": 2 }]}"#
        );
    }

    #[test]
    fn an_empty_page_is_an_empty_object_and_keeps_the_mark() {
        let empty = page(&[], Some(5), None);
        assert_eq!(empty.body("objects", std::iter::empty::<&str>()), "{}");
        assert_eq!(marks(&empty), ["1970-01-01T00:00:00.000005Z"; 2]);
        let floor = page(&[], None, None);
        assert_eq!(marks(&floor), ["1970-01-01T00:00:00.000000Z"; 2]);
    }

    #[test]
    fn the_lenient_profile_writes_an_empty_list_and_whole_milliseconds() {
        let lenient = |stamps: &[i64], after: Option<i64>| Page {
            profile: TaxiiProfile::Lenient,
            ..page(stamps, after, None)
        };
        let empty = lenient(&[], Some(lenient::after(5000)));
        assert_eq!(
            empty.body("objects", std::iter::empty::<&str>()),
            r#"{"more":false,"objects":[]}"#
        );
        assert_eq!(marks(&empty), ["1970-01-01T00:00:00.005000Z"; 2]);
        let shown = lenient(&[7001, 8999], None);
        assert_eq!(
            marks(&shown),
            ["1970-01-01T00:00:00.007000Z", "1970-01-01T00:00:00.008000Z"]
        );
    }

    #[test]
    fn the_marks_are_those_of_the_first_and_last_item_shown() {
        let shown = page(&[7, 8, 9], Some(5), None);
        assert_eq!(
            marks(&shown),
            ["1970-01-01T00:00:00.000007Z", "1970-01-01T00:00:00.000009Z"]
        );
    }
}
