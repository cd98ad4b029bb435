//! A source stays in control: take back, narrow, see how far it went. And the reader's side of it:
//! notices, acceptance of obligations, what may only be looked at.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use super::reports::{idempotency_key, if_match};
use crate::exchange::audience::Reach;
use crate::exchange::narrow::Narrower;
use crate::exchange::notices::NoticeView;
use crate::exchange::once::Said;
use crate::exchange::publish::Published;
use crate::exchange::view_only::ViewOnly;
use crate::exchange::ways_out::{WayOut, WayTaken};
use crate::exchange::withdraw::{TakenBack, Withdrawal};
use crate::handling::{Channel, PrincipalId};
use crate::http::Hub;

/// Longest body here, in bytes: a choice and a reason of a page.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the headers say of an act on an item.
fn said(headers: &HeaderMap) -> Result<Said, Problem> {
    Ok(Said {
        idempotency_key: idempotency_key(headers)?,
        expected: if_match(headers)?,
        ..Said::default()
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Withdraw {
    recall: bool,
    reason: String,
    version: Option<i64>,
}

/// `POST /v1/reports/{id}/withdraw` and `POST /v1/objects/{id}/withdraw`.
pub async fn withdraw(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<TakenBack>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = said(request.headers())?;
    let asked: Withdraw = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let withdrawal = Withdrawal {
        version: asked.version,
        recall: asked.recall,
        reason: asked.reason,
    };
    let taken = hub.exchange.withdraw_once(&caller, &id, withdrawal, said);
    Ok(Json(taken.await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Narrow {
    level: Option<String>,
    named: Option<BTreeSet<PrincipalId>>,
    not_after: Option<DateTime<Utc>>,
}

/// `POST /v1/reports/{id}/narrow` and `POST /v1/objects/{id}/narrow`.
pub async fn narrow(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<StatusCode, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = said(request.headers())?;
    let asked: Narrow = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let narrower = Narrower {
        level: asked.level,
        named: asked.named,
        not_after: asked.not_after,
    };
    hub.exchange
        .narrow_once(&caller, &id, narrower, said)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/reports/{id}/way-out`.
pub async fn way_out(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<WayTaken>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = said(request.headers())?;
    let way: WayOut = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let taken = hub.exchange.take_way_out_once(&caller, &id, way, said);
    Ok(Json(taken.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

/// `POST /v1/reports/{id}/override`.
pub async fn safety(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Published>), Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = said(request.headers())?;
    let why: Reason = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let published = hub
        .exchange
        .override_once(&caller, &id, &why.reason, said)
        .await?;
    Ok((StatusCode::CREATED, Json(published)))
}

/// `GET /v1/reports/{id}/audience`.
pub async fn audience(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Reach>, Problem> {
    Parameters::of(&uri, &[])?;
    let view = hub.exchange.view(Some(&caller), Channel::Rest).await?;
    let reach = hub.exchange.reach(&caller, &view, &id).await?;
    reach.map(Json).ok_or_else(Problem::not_found)
}

/// `POST /v1/reports/{id}/accept`.
pub async fn accept(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Parameters::of(&uri, &[])?;
    let view = hub.exchange.view(Some(&caller), Channel::Rest).await?;
    let accepted = hub.exchange.accept_obligations(&caller, &view, &id).await?;
    accepted.map(Json).ok_or_else(Problem::not_found)
}

/// `GET /v1/notices`.
pub async fn notices(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<NoticeView>>, Problem> {
    Parameters::of(&uri, &[])?;
    let items = hub.exchange.notices(&caller).await?;
    Ok(Json(Page { items, next: None }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Acknowledge {
    comment: String,
}

/// `POST /v1/notices/{id}/acknowledge`.
pub async fn acknowledge(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<StatusCode, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said: Acknowledge = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    hub.exchange
        .acknowledge(&caller, &id, &said.comment)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/view-only`.
pub async fn view_only(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<ViewOnly>>, Problem> {
    let parameters = Parameters::of(&uri, &["cursor", "limit"])?;
    let paging = parameters.paging()?;
    let (items, next) = hub
        .exchange
        .view_only(&caller, paging.cursor.as_deref(), paging.limit)
        .await?;
    Ok(Json(Page { items, next }))
}
