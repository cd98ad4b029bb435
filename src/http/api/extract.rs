//! What handlers take from a request: the caller, the query, the id in the path, the body. Each is
//! strict, because a parameter that is silently ignored widens what the client thinks it asked for.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::exchange::read::PAGE_MAX;
use crate::exchange::{Caller, Fault};
use crate::http::Hub;
use crate::http::auth::{Identified, identify};
use crate::stix::json::{Limits, parse};

/// A caller whom the hub knows; anyone else gets a 401.
pub struct Known(pub Caller);

impl FromRequestParts<Hub> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Problem> {
        match identify(hub, &parts.headers).await? {
            Identified::As(caller) => Ok(Self(*caller)),
            Identified::Nobody | Identified::Unknown => Err(Problem::unauthorised()),
        }
    }
}

/// The path's `{id}`; one that is not even text is an id of nothing.
pub struct Id(pub String);

impl FromRequestParts<Hub> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Problem> {
        // The raw parameters say whether the text is valid before it is decoded into one.
        if RawPathParams::from_request_parts(parts, hub).await.is_err() {
            return Err(Problem::not_found());
        }
        match Path::<String>::from_request_parts(parts, hub).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// A query string, every parameter of it known to the handler and given once.
pub struct Parameters(Vec<(String, String)>);

/// Where a page starts and how long it is at most.
pub struct Paging {
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// 1 to [`PAGE_MAX`].
    pub limit: usize,
}

/// A page's length where the client names none.
const PAGE_DEFAULT: usize = 50;

impl Parameters {
    /// Reads the query of `uri`, in which only the `known` names may appear.
    ///
    /// # Errors
    /// A 400 that names the parameter at fault.
    pub fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::parameter("?", "the query cannot be read"))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::parameter(name, "is not a parameter of this path"));
            }
            if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(Problem::parameter(name, "is given more than once"));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of one parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub fn pairs(&self) -> BTreeMap<String, String> {
        self.0.iter().cloned().collect()
    }

    /// The values of a parameter that lists them with commas between.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.get(name).unwrap_or_default().split(',');
        values
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A parameter that is `true` or `false`; absent is false.
    ///
    /// # Errors
    /// For any other word.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::parameter(name, "is `true` or `false`")),
        }
    }

    /// `cursor` and `limit`.
    ///
    /// # Errors
    /// For a limit that is no number from 1 to [`PAGE_MAX`].
    pub fn paging(&self) -> Result<Paging, Problem> {
        let limit = match self.get("limit") {
            None => PAGE_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=PAGE_MAX).contains(limit))
                .ok_or_else(|| {
                    Problem::parameter("limit", &format!("is a number from 1 to {PAGE_MAX}"))
                })?,
        };
        Ok(Paging {
            cursor: self.get("cursor").map(str::to_owned),
            limit,
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// The bytes of a JSON body.
///
/// # Errors
/// 415 for another media type, 413 beyond `limit` bytes, 400 for a body that breaks off.
pub async fn json_bytes(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    bytes(request, limit, "application/json").await
}

/// The bytes of a body of the media type `wanted`.
///
/// # Errors
/// As [`json_bytes`].
pub async fn bytes(request: Request, limit: usize, wanted: &str) -> Result<Vec<u8>, Problem> {
    let (parts, body) = request.into_parts();
    if !is_media_type(&parts.headers, wanted) {
        return Err(Problem::media_type(wanted));
    }
    let declared = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Problem::too_large(limit));
    }
    match axum::body::to_bytes(body, limit).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if beyond_limit(&error) => Err(Problem::too_large(limit)),
        Err(_) => Err(Problem::malformed(vec![Fault::at(
            "",
            "body",
            "the body breaks off",
        )])),
    }
}

fn beyond_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        // The limiting body's own error type is not among axum's exports.
        if inner.to_string().contains("length limit") {
            return true;
        }
        source = inner.source();
    }
    false
}

fn is_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
}

/// Reads a small JSON body into a type that refuses unknown members.
///
/// # Errors
/// 400 for what is no JSON, 422 for what is not of the type.
pub fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = parse(bytes, &Limits::default())
        .map_err(|fault| Problem::malformed(vec![Fault::from(fault)]))?;
    serde_json::from_value(value).map_err(|error| {
        Problem::from(crate::exchange::Refusal::fault("", "schema", plain(&error)))
    })
}

/// The deserialiser's message, which names members and expected words; the bodies it is used for
/// carry no content of an item.
fn plain(error: &serde_json::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Paging, Problem> {
        let uri: Uri = format!("/v1/reports?{query}").parse().unwrap();
        Parameters::of(&uri, &["cursor", "limit"])?.paging()
    }

    #[test]
    fn a_limit_is_a_number_from_one_to_the_longest_page() {
        for good in ["", "limit=1", "limit=1000"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in ["limit=0", "limit=1001", "limit=-1", "limit=ten", "limit="] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_or_repeated_parameter_is_refused() {
        assert!(read("cursor=a&limit=2").is_ok());
        for bad in ["limt=2", "limit=2&limit=3", "cursor=a&cursor=a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
