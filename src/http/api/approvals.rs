//! Approvals: what waits for the caller's consent, and the answer.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use serde::Deserialize;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use crate::exchange::approve::{Answered, Request as Asked};
use crate::http::Hub;

/// Longest answer, in bytes: a decision and a comment of a page.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    decision: Decision,
    #[serde(default)]
    comment: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Approve,
    Refuse,
}

/// `GET /v1/approvals`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<Asked>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let (items, next) = hub
        .exchange
        .approvals(&caller, paging.cursor.as_deref(), paging.limit)
        .await?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/approvals/{id}`.
pub async fn answer(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<Answered>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let answer: Answer = strict(&json_bytes(request, ANSWER_BYTES_MAX).await?)?;
    let yes = matches!(answer.decision, Decision::Approve);
    let answered = hub
        .exchange
        .answer(&caller, &id, yes, &answer.comment)
        .await?;
    Ok(Json(answered))
}
