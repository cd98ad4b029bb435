//! Working sets: a principal's own lists of reports, with notes.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::extract::{Id, Known, Page, Parameters, json_bytes, strict};
use super::problem::Problem;
use super::reports::{idempotency_key, if_match};
use crate::exchange::once::Said;
use crate::exchange::sets::{SetChange, SetView};
use crate::handling::Channel;
use crate::http::Hub;

/// Longest body, in bytes: a note of four thousand characters, escaped, and its name.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A set as it is made or changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
    #[serde(default)]
    note: String,
}

/// What is noted on a report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noted {
    #[serde(default)]
    note: Option<String>,
}

/// `GET /v1/sets`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<SetView>>, Problem> {
    Parameters::of(&uri, &[])?;
    let items = hub.exchange.sets(&caller).await?;
    Ok(Json(Page { items, next: None }))
}

/// `POST /v1/sets`.
pub async fn make(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = Said {
        idempotency_key: idempotency_key(request.headers())?,
        expected: None,
        ..Said::default()
    };
    let asked: Asked = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let set = hub
        .exchange
        .make_set(&caller, (&asked.name, &asked.note), said);
    let set = set.await?;
    let location = format!("/v1/sets/{}", set.id);
    let mut response = tagged(StatusCode::CREATED, &set, Json(set.clone()));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// An answer that says at which version the set is.
fn tagged(status: StatusCode, set: &SetView, body: impl IntoResponse) -> Response {
    let mut response = (status, body).into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", set.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// `GET /v1/sets/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let page = hub.exchange.set(&caller, Channel::Rest, &id).await?;
    Ok(tagged(StatusCode::OK, &page.set, Json(&page)))
}

/// `PUT /v1/sets/{id}`.
pub async fn define(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let expected = if_match(request.headers())?;
    let asked: Asked = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let change = SetChange {
        name: Some(asked.name.trim().to_owned()),
        note: Some(asked.note),
        ..SetChange::default()
    };
    let asked = (change, expected);
    let set = hub
        .exchange
        .change_set(&caller, Channel::Rest, &id, asked)
        .await?;
    Ok(tagged(StatusCode::OK, &set, Json(&set)))
}

/// `DELETE /v1/sets/{id}`.
pub async fn end(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    Parameters::of(&uri, &[])?;
    hub.exchange
        .end_set(&caller, &id, if_match(&headers)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v1/sets/{id}/items/{report}`.
pub async fn put(
    State(hub): State<Hub>,
    Known(caller): Known,
    Path((id, report)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let expected = if_match(request.headers())?;
    let noted: Noted = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let change = SetChange {
        add: vec![report.clone()],
        notes: noted.note.map(|note| (report, note)).into_iter().collect(),
        ..SetChange::default()
    };
    let asked = (change, expected);
    let set = hub
        .exchange
        .change_set(&caller, Channel::Rest, &id, asked)
        .await?;
    Ok(tagged(StatusCode::OK, &set, Json(&set)))
}

/// `DELETE /v1/sets/{id}/items/{report}`.
pub async fn remove(
    State(hub): State<Hub>,
    Known(caller): Known,
    Path((id, report)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let change = SetChange {
        remove: vec![report],
        ..SetChange::default()
    };
    let asked = (change, if_match(&headers)?);
    let set = hub
        .exchange
        .change_set(&caller, Channel::Rest, &id, asked)
        .await?;
    Ok(tagged(StatusCode::OK, &set, Json(&set)))
}
