//! Content negotiation (TAXII 3.1). The hub speaks one media type; what it is asked for only
//! decides whether it answers. A client that names no version, or STIX, is answered all the same;
//! one that insists on another version is told so, since it could not read the answer.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::Failure;

/// What every answer is. Clients compare the text, so it has no space.
pub const TAXII: &str = "application/taxii+json;version=2.1";

/// What the collections hold.
pub const STIX: &str = "application/stix+json;version=2.1";

/// An answer of the hub.
pub fn answer(status: StatusCode, body: String) -> Response {
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(TAXII));
    (status, [content_type], body).into_response()
}

/// Refuses a request that cannot read what the hub writes.
pub fn acceptable(headers: &HeaderMap) -> Result<(), Failure> {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() || ranges.any(is_met) {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::NOT_ACCEPTABLE,
        "Not acceptable",
        format!("this hub answers in {TAXII}"),
    ))
}

fn is_met(range: &str) -> bool {
    let (name, parameters) = parts(range);
    let refused = parameter(&parameters, "q")
        .and_then(|weight| weight.parse::<f32>().ok())
        .is_some_and(|weight| weight <= 0.0);
    let version = parameter(&parameters, "version").is_none_or(|version| version == "2.1");
    match name.as_str() {
        _ if refused => false,
        "*/*" | "application/*" => true,
        "application/taxii+json" | "application/stix+json" => version,
        _ => false,
    }
}

/// Refuses a body of another kind.
pub fn postable(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (name, parameters) = parts(value);
    let version = parameter(&parameters, "version");
    let taken = match name.as_str() {
        "application/taxii+json" | "application/stix+json" => {
            version.is_none_or(|version| version == "2.1")
        }
        // The registered name before 2.1, which some clients kept for 2.1 content.
        "application/vnd.oasis.stix+json" => true,
        _ => false,
    };
    if taken {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Unsupported media type",
        format!("this collection takes {TAXII}"),
    ))
}

/// Name and parameters of a media type, the case of names and the spaces gone.
fn parts(text: &str) -> (String, Vec<(String, String)>) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let parameters = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| {
            let value = value.trim().trim_matches('"');
            (name.trim().to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    (name, parameters)
}

fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn every_way_clients_ask_for_2_1_is_met() {
        assert!(acceptable(&HeaderMap::new()).is_ok());
        for value in [
            "application/taxii+json;version=2.1",
            "application/taxii+json; version=2.1",
            "application/taxii+json; version=\"2.1\"",
            "Application/TAXII+json",
            "application/stix+json;version=2.1",
            "*/*",
            "application/*;q=0.2",
            "text/html, application/taxii+json;q=0.5",
            "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
            "",
        ] {
            let headers = with(header::ACCEPT, &[value]);
            assert!(acceptable(&headers).is_ok(), "{value}");
        }
        let two = with(header::ACCEPT, &["text/html", "application/taxii+json"]);
        assert!(acceptable(&two).is_ok());
    }

    #[test]
    fn another_version_or_type_is_not_met() {
        for value in [
            "application/taxii+json;version=2.0",
            "application/vnd.oasis.taxii+json; version=2.0",
            "application/stix+json;version=2.0",
            "text/html",
            "application/json",
            "application/taxii+json;q=0",
            "taxii",
        ] {
            let headers = with(header::ACCEPT, &[value]);
            assert!(acceptable(&headers).is_err(), "{value}");
        }
    }

    #[test]
    fn bodies_come_as_taxii_or_stix() {
        for (value, taken) in [
            ("application/taxii+json;version=2.1", true),
            ("application/taxii+json", true),
            ("application/stix+json; version=2.1", true),
            ("application/vnd.oasis.stix+json; version=2.1", true),
            ("application/taxii+json;version=2.0", false),
            ("application/json", false),
            ("text/plain", false),
            ("", false),
        ] {
            let headers = with(header::CONTENT_TYPE, &[value]);
            assert_eq!(postable(&headers).is_ok(), taken, "{value}");
        }
        assert!(postable(&HeaderMap::new()).is_err());
    }
}
