//! Saved searches: kept, called something else, forgotten, and what is new of one.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use super::reports;
use crate::exchange::search::asked::Pairs;
use crate::exchange::search::saved::{AMONG_MAX, New, PER_PRINCIPAL, SavedView};
use crate::exchange::search::{PAGE_MAX, Search};
use crate::http::Hub;

/// Longest body, in bytes: the longest search in escaped characters.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A search to keep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    name: String,
    search: Pairs,
}

/// A name to call it by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

/// Up to where was looked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    mark: String,
}

/// `GET /v1/searches`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<SavedView>>, Problem> {
    Parameters::of(&uri, &[])?;
    let view = reports::view(&hub, &caller).await?;
    let items = hub
        .exchange
        .saved_searches(&caller, &view, (PER_PRINCIPAL, AMONG_MAX))
        .await?;
    Ok(Json(Page { items, next: None }))
}

/// `POST /v1/searches`.
pub async fn make(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let Saved { name, search } = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let view = reports::view(&hub, &caller).await?;
    let saved = hub
        .exchange
        .save_search(&caller, &view, &name, search)
        .await?;
    let location = format!("/v1/searches/{}", saved.id);
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers, Json(saved)).into_response())
}

/// `GET /v1/searches/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<SavedView>, Problem> {
    Parameters::of(&uri, &[])?;
    let view = reports::view(&hub, &caller).await?;
    Ok(Json(hub.exchange.saved_search(&caller, &view, &id).await?))
}

/// `PUT /v1/searches/{id}`.
pub async fn rename(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<SavedView>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let Name { name } = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let view = reports::view(&hub, &caller).await?;
    let exchange = &hub.exchange;
    Ok(Json(
        exchange.rename_search(&caller, &view, &id, &name).await?,
    ))
}

/// `DELETE /v1/searches/{id}`.
pub async fn forget(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    Parameters::of(&uri, &[])?;
    hub.exchange.forget_search(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/searches/{id}/new`.
pub async fn new(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<New>, Problem> {
    let parameters = Parameters::of(&uri, &["cursor", "limit"])?;
    let limit = Search::asked(&parameters.pairs())
        .map_err(|wrong| Problem::parameter(&wrong.name, &wrong.message))?
        .limit
        .min(PAGE_MAX);
    let view = reports::view(&hub, &caller).await?;
    let paging = (parameters.get("cursor"), limit);
    let new = hub.exchange.new_of_search(&caller, &view, &id, paging);
    Ok(Json(new.await?))
}

/// `POST /v1/searches/{id}/looked`.
pub async fn looked(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<SavedView>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let Looked { mark } = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let view = reports::view(&hub, &caller).await?;
    let exchange = &hub.exchange;
    Ok(Json(
        exchange
            .looked_at_search(&caller, &view, &id, &mark)
            .await?,
    ))
}
