//! What went wrong, as TAXII's error resource (TAXII 3.6.1). A refusal that would tell the caller of
//! something hidden is the same "not found" as for something that never was.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::media;
use crate::clock::random;
use crate::exchange::{Fault, Refusal};
use crate::http::auth::CHALLENGES;

/// A request that is answered with an error.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    title: &'static str,
    description: String,
    faults: Vec<Fault>,
    id: Option<String>,
    allow: Option<&'static str>,
}

impl Failure {
    /// One with a title that never changes and a description of this case.
    pub fn new(status: StatusCode, title: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            title,
            description: description.into(),
            faults: Vec::new(),
            id: None,
            allow: None,
        }
    }

    /// Nothing here for this caller; always the same bytes.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Not found",
            "there is no such thing for this caller",
        )
    }

    /// The caller is to log in.
    pub fn unauthorised() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Login required",
            "present a user name and key, a key, or an access token of this hub",
        )
    }

    /// The caller may not do this here, whatever it concerns.
    pub fn forbidden(description: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", description)
    }

    /// The resource has no such method; the router adds those it has.
    pub fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "this resource has no such method",
        )
    }

    /// The same where the router knows the method and this caller's resource has it not.
    pub fn method_but(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::method()
        }
    }

    /// A parameter of the address breaks a rule (TAXII 3.4).
    pub fn parameter(name: &str, message: &str) -> Self {
        Self {
            faults: vec![Fault::at("", "TAXII 3.4", format!("`{name}` {message}"))],
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "Malformed parameter",
                format!("`{name}` {message}"),
            )
        }
    }

    /// The body can be read and holds nothing that could be taken.
    pub fn unprocessable(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Unprocessable body",
                "what was sent breaks a rule",
            )
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let description = refusal.to_string();
        match refusal {
            // JSON, but no envelope of TAXII's or beyond its limits: 422 and not 400 (TAXII 5.5).
            Refusal::Malformed(faults) if faults.iter().any(is_about_content) => {
                Self::unprocessable(faults)
            }
            Refusal::Malformed(faults) => Self {
                faults,
                ..Self::new(StatusCode::BAD_REQUEST, "Malformed body", description)
            },
            Refusal::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", description)
            }
            Refusal::Invalid(faults) => Self::unprocessable(faults),
            Refusal::Forbidden(_) => Self::forbidden(description),
            Refusal::NotFound => Self::not_found(),
            Refusal::Conflict(_) => Self::new(StatusCode::CONFLICT, "Conflict", description),
            Refusal::Stale => Self::new(StatusCode::PRECONDITION_FAILED, "Stale", description),
            Refusal::Internal(error) => internal(&error),
        }
    }
}

fn is_about_content(fault: &Fault) -> bool {
    fault.rule.starts_with("TAXII") || fault.rule.starts_with("limit")
}

fn internal(error: &anyhow::Error) -> Failure {
    // The client gets a number by which the operator finds the log line, and no text.
    let id = random::<8>().map(u64::from_be_bytes).unwrap_or_default();
    let id = format!("{id:016x}");
    tracing::error!(error_id = %id, error = format!("{error:#}"), "a TAXII request failed");
    Failure {
        id: Some(id),
        ..Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
            "the hub failed; its operator finds the reason under the error id",
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("title".to_owned(), json!(self.title));
        body.insert("description".to_owned(), json!(self.description));
        body.insert("http_status".to_owned(), json!(self.status.as_str()));
        if let Some(id) = self.id {
            body.insert("error_id".to_owned(), json!(id));
        }
        if !self.faults.is_empty() {
            let details = json!({ "faults": self.faults });
            body.insert("details".to_owned(), details);
        }
        let mut response = media::answer(self.status, Value::Object(body).to_string());
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(CHALLENGES),
            );
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_body_is_400_and_a_body_that_is_no_envelope_422() {
        let refused = |rule: &str| {
            Failure::from(Refusal::Malformed(vec![Fault::at("", rule, "message")])).status
        };
        assert_eq!(refused("RFC 8259"), StatusCode::BAD_REQUEST);
        assert_eq!(refused("TAXII 3.7"), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn an_internal_error_says_nothing_of_its_reason() {
        let failure = Failure::from(Refusal::Internal(anyhow::anyhow!("table is gone")));
        assert!(!failure.description.contains("table"));
        assert!(failure.id.is_some());
    }
}
