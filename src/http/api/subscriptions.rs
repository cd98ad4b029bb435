//! Subscriptions: what a caller wants to be told, and what became of it.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use serde::Deserialize;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use crate::exchange::Caller;
use crate::exchange::subscriptions::{Change, DeliveryView, SubscriptionView};
use crate::http::Hub;

/// Longest definition, in bytes: room for every list at its longest word.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// `GET /v1/subscriptions`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<SubscriptionView>>, Problem> {
    Parameters::of(&uri, &[])?;
    let items = hub.exchange.subscriptions(&caller).await?;
    Ok(Json(Page { items, next: None }))
}

/// `POST /v1/subscriptions`.
pub async fn make(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let definition = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let made = hub.exchange.subscribe(&caller, definition).await?;
    let location = format!("/v1/subscriptions/{}", made.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(made),
    )
        .into_response())
}

/// `GET /v1/subscriptions/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<SubscriptionView>, Problem> {
    Parameters::of(&uri, &[])?;
    Ok(Json(hub.exchange.subscription(&caller, &id).await?))
}

async fn change(hub: &Hub, caller: &Caller, id: &str, change: Change) -> Result<Response, Problem> {
    let changed = hub.exchange.change_subscription(caller, id, change).await?;
    Ok(match changed {
        Some(view) => Json(view).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// `PUT /v1/subscriptions/{id}`.
pub async fn define(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let definition = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    change(&hub, &caller, &id, Change::Define(Box::new(definition))).await
}

/// `DELETE /v1/subscriptions/{id}`.
pub async fn end(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    change(&hub, &caller, &id, Change::End).await
}

/// `POST /v1/subscriptions/{id}/pause`.
pub async fn pause(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    change(&hub, &caller, &id, Change::Pause).await
}

/// `POST /v1/subscriptions/{id}/resume`.
pub async fn resume(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    change(&hub, &caller, &id, Change::Resume).await
}

/// `POST /v1/subscriptions/{id}/rotate`.
pub async fn rotate(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    change(&hub, &caller, &id, Change::Rotate).await
}

/// What a mail address was asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    code: String,
}

/// `POST /v1/subscriptions/{id}/confirm`.
pub async fn confirm(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<SubscriptionView>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let Confirmation { code } = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    Ok(Json(
        hub.exchange.confirm_address(&caller, &id, &code).await?,
    ))
}

/// `GET /v1/subscriptions/{id}/deliveries`.
pub async fn deliveries(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let cursor = paging.cursor.as_deref();
    let (items, next) = hub
        .exchange
        .deliveries(&caller, &id, cursor, paging.limit)
        .await?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/subscriptions/{id}/deliveries/{delivery}/replay`.
pub async fn replay(
    State(hub): State<Hub>,
    Known(caller): Known,
    Path((id, delivery)): Path<(String, String)>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    Parameters::of(&uri, &[])?;
    hub.exchange.replay(&caller, &id, &delivery).await?;
    Ok(StatusCode::ACCEPTED)
}
