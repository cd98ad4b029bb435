//! What went wrong, as TAXII's error resource (TAXII 3.6.1). A refusal that would tell the caller of
//! something hidden is the same "not found" as for something that never was.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};

use super::media;
use crate::clock::random;
use crate::exchange::{Fault, Refusal};
use crate::http::auth::CHALLENGES;

/// A little less than the router gives any request, so that this answer is the one that is sent.
const ANSWER_TIME: Duration = Duration::from_secs(crate::http::ANSWER_SECONDS - 1);

/// A request that is answered with an error.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    title: &'static str,
    description: String,
    faults: Vec<Fault>,
    id: Option<String>,
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

/// A TAXII path answers in TAXII's own words whatever happens: also where the router refuses, a
/// handler panics, or the answer takes too long. Some clients read nothing else.
pub async fn always(request: Request, next: Next) -> Response {
    within(ANSWER_TIME, request, next).await
}

async fn within(time: Duration, request: Request, next: Next) -> Response {
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(time, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => return internal(&anyhow::anyhow!("a handler panicked")).into_response(),
        Err(_) => {
            return Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too busy",
                "the hub did not answer in time; try again",
            )
            .into_response();
        }
    };
    let status = response.status();
    let said = response.headers().get(header::CONTENT_TYPE);
    if said.is_some_and(|said| said == media::TAXII)
        || !(status.is_client_error() || status.is_server_error())
    {
        return response;
    }
    let failure = Failure::new(status, "Refused", "the request cannot be answered");
    let mut answer = failure.into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
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

    async fn outer(path: &str) -> (StatusCode, Value) {
        use tower::ServiceExt;
        let routes = axum::Router::new()
            .route(
                "/panics",
                axum::routing::get(async || -> () { panic!("on purpose") }),
            )
            .route("/sleeps", axum::routing::get(std::future::pending::<()>))
            .layer(axum::middleware::from_fn(
                async |request: Request, next: Next| {
                    within(Duration::from_millis(50), request, next).await
                },
            ));
        let request = Request::builder().uri(path).body(axum::body::Body::empty());
        let answer = routes.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], media::TAXII);
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 9999)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_a_slow_answer_and_an_unknown_path_are_told_as_taxii_errors() {
        for (path, status) in [("/panics", 500), ("/sleeps", 503), ("/nowhere", 404)] {
            let (said, body) = outer(path).await;
            assert_eq!(said.as_u16(), status);
            assert_eq!(body["http_status"], status.to_string());
            assert!(!body.to_string().contains("on purpose"));
        }
    }

    #[test]
    fn an_internal_error_says_nothing_of_its_reason() {
        let failure = Failure::from(Refusal::Internal(anyhow::anyhow!("table is gone")));
        assert!(!failure.description.contains("table"));
        assert!(failure.id.is_some());
    }
}
