//! Feedback: what a reader says of something received, what the source reads of it, and the answer
//! to a question.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use super::reports::idempotency_key;
use crate::exchange::feedback::{Feedback, FeedbackKind, FeedbackView, Given};
use crate::exchange::once::Said;
use crate::http::Hub;

/// Longest body, in bytes: the longest text in any script, escaped.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// `POST /v1/reports/{id}/feedback`, and the same of advisories and objects.
pub async fn give(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Given>), Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = Said {
        idempotency_key: idempotency_key(request.headers())?,
        ..Said::default()
    };
    let feedback: Feedback = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let given = hub.exchange.give_feedback(&caller, &id, feedback, said);
    Ok((StatusCode::CREATED, Json(given.await?)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ack {
    text: Option<String>,
}

/// `POST /v1/advisories/{id}/ack`: the shortest feedback there is.
pub async fn ack(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Given>), Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = Said {
        idempotency_key: idempotency_key(request.headers())?,
        ..Said::default()
    };
    let ack: Ack = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let feedback = Feedback::new(FeedbackKind::Ack, ack.text);
    let given = hub.exchange.give_feedback(&caller, &id, feedback, said);
    Ok((StatusCode::CREATED, Json(given.await?)))
}

/// `GET /v1/reports/{id}/feedback`, and the same of advisories and objects.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Page<FeedbackView>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let page = hub
        .exchange
        .feedback(&caller, &id, paging.cursor.as_deref(), paging.limit)
        .await?;
    let (items, next) = page.ok_or_else(Problem::not_found)?;
    Ok(Json(Page { items, next }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    text: String,
}

/// `POST /v1/feedback/{id}/answer`.
pub async fn answer(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<StatusCode, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = Said {
        idempotency_key: idempotency_key(request.headers())?,
        ..Said::default()
    };
    let answer: Answered = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    hub.exchange
        .answer_question(&caller, &id, &answer.text, said)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
