//! Problem details (RFC 9457): the one shape in which `/v1` says no.
//!
//! INVARIANT: a 404 carries nothing of what was asked for, so that a thing the caller may not see
//! and a thing that does not exist are answered with the same bytes (law 4).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::clock::random;
use crate::exchange::{Fault, Refusal};
use crate::http::auth::CHALLENGES;

/// One thing wrong with the request.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    /// JSON pointer into the body, where the body is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of the query parameter, where one is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The rule's short name.
    pub rule: String,
    /// In words.
    pub message: String,
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        // A cursor comes in the query; every other fault is found in a body.
        let (pointer, parameter) = if fault.pointer == CURSOR {
            (None, Some(fault.pointer))
        } else {
            (Some(fault.pointer), None)
        };
        Self {
            pointer,
            parameter,
            rule: fault.rule,
            message: fault.message,
        }
    }
}

const CURSOR: &str = "cursor";

/// A request that was not carried out, as the client sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong>,
}

fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
        }
    }

    fn with(mut self, errors: impl IntoIterator<Item = Fault>) -> Self {
        self.errors = errors.into_iter().map(Wrong::from).collect();
        self
    }

    /// 400: the body cannot be read.
    pub fn malformed(faults: Vec<Fault>) -> Self {
        let detail = first(&faults, "the body cannot be read");
        Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/malformed",
            "Malformed",
            detail,
        )
        .with(faults)
    }

    /// 400: a query parameter or a header cannot be understood.
    pub fn parameter(name: &str, message: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/parameter",
            "Bad parameter",
            format!("`{name}`: {message}"),
        );
        problem.errors.push(Wrong {
            pointer: None,
            parameter: Some(name.to_owned()),
            rule: "parameter".to_owned(),
            message: message.to_owned(),
        });
        problem
    }

    /// A refusal of what one query parameter says: each fault names it, and its place in the list.
    pub fn asked(name: &str, refusal: Refusal) -> Self {
        let Refusal::Invalid(faults) = refusal else {
            return Self::from(refusal);
        };
        let mut problem = Self::parameter(name, &first(&faults, "cannot be understood"));
        problem.errors = faults
            .into_iter()
            .map(|fault| Wrong {
                pointer: None,
                parameter: Some(fault.pointer.trim_start_matches('/').to_owned()),
                rule: fault.rule,
                message: fault.message,
            })
            .collect();
        problem
    }

    /// Where the log line of a failure is named; empty for anything but a failure.
    pub fn instance(&self) -> &str {
        self.instance.as_deref().unwrap_or_default()
    }

    /// What is wrong, place by place.
    pub fn errors(&self) -> &[Wrong] {
        &self.errors
    }

    /// 401: nobody the hub knows.
    pub fn unauthorised() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "about:blank",
            "Unauthorized",
            "credentials that the hub knows are needed",
        )
    }

    /// 404: the same for what is absent and for what is not for the caller.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "about:blank",
            "Not Found",
            "there is no such thing",
        )
    }

    /// 405; the router adds `Allow`.
    pub fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "about:blank",
            "Method Not Allowed",
            "`Allow` lists the methods of this path",
        )
    }

    /// 412: `If-Match` names another version.
    pub fn precondition() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "/problems/version",
            "Version mismatch",
            "`If-Match` names another version than the present one",
        )
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "Too large",
            format!("the body is larger than {limit} bytes"),
        )
        .with([Fault::at(
            "",
            "limit bytes",
            format!("more than {limit} bytes"),
        )])
    }

    /// 415: the body's media type is not the one that is read here.
    pub fn media_type(wanted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "/problems/media-type",
            "Unsupported media type",
            format!("`Content-Type` must be `{wanted}`"),
        )
    }

    /// 500: logged once, here; the client gets the id of the log line and nothing else.
    fn internal(error: &anyhow::Error) -> Self {
        let id = random::<8>().map(u64::from_be_bytes).unwrap_or_default();
        let id = format!("{id:016x}");
        tracing::error!(%id, error = %format_args!("{error:#}"), "a request failed");
        let mut problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "about:blank",
            "Internal Server Error",
            "the hub failed; its operator finds the reason under the instance's id",
        );
        problem.instance = Some(format!("/problems/instances/{id}"));
        problem
    }
}

fn first(faults: &[Fault], otherwise: &str) -> String {
    faults
        .first()
        .map_or_else(|| otherwise.to_owned(), |fault| fault.message.clone())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(faults) => Self::malformed(faults),
            Refusal::TooLarge { limit } => Self::too_large(limit),
            Refusal::Invalid(faults) if faults.iter().any(|fault| fault.pointer == CURSOR) => {
                Self::parameter(CURSOR, &first(&faults, "not a cursor"))
            }
            Refusal::Invalid(faults) => {
                let detail = first(&faults, "what was sent breaks a rule");
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "/problems/invalid",
                    "Invalid",
                    detail,
                )
                .with(faults)
            }
            Refusal::Forbidden(why) => Self::new(
                StatusCode::FORBIDDEN,
                "/problems/forbidden",
                "Forbidden",
                why,
            ),
            Refusal::NotFound => Self::not_found(),
            Refusal::Stale => Self::precondition(),
            Refusal::Conflict(why) => {
                Self::new(StatusCode::CONFLICT, "/problems/conflict", "Conflict", why)
            }
            Refusal::Internal(error) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
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
    fn a_failure_shows_its_id_and_not_its_text() {
        let refusal = Refusal::Internal(anyhow::anyhow!("table item_version is locked"));
        let text = serde_json::to_string(&Problem::from(refusal)).unwrap();
        assert!(text.contains("/problems/instances/"), "{text}");
        assert!(!text.contains("item_version"), "{text}");
    }

    #[test]
    fn a_bad_cursor_is_a_bad_request_and_a_bad_field_is_not() {
        let of = |pointer| Problem::from(Refusal::fault(pointer, "rule", "message")).status;
        assert_eq!(of("cursor"), StatusCode::BAD_REQUEST);
        assert_eq!(of("/cursor"), StatusCode::UNPROCESSABLE_ENTITY);
    }
}
