//! The ledger: checkpoints and consistency for anyone logged in, entries and their proofs for those
//! who may open them. What a caller may not open is absent.

use axum::Json;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::IntoResponse;

use super::extract::{Id, Known, Page, Parameters};
use super::problem::Problem;
use crate::exchange::proof::{Consistency, Opened, Proved};
use crate::http::Hub;

const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];

/// `GET /v1/ledger/checkpoint`.
pub async fn checkpoint(
    State(hub): State<Hub>,
    Known(_): Known,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    Parameters::of(&uri, &[])?;
    let note = hub.exchange.ledger_checkpoint().await?;
    Ok((TEXT, note.ok_or_else(Problem::not_found)?))
}

/// `GET /v1/ledger/key`.
pub async fn key(
    State(hub): State<Hub>,
    Known(_): Known,
    uri: Uri,
) -> Result<impl IntoResponse, Problem> {
    Parameters::of(&uri, &[])?;
    Ok((TEXT, format!("{}\n", hub.exchange.ledger_key().await?)))
}

/// `GET /v1/ledger/consistency`.
pub async fn consistency(
    State(hub): State<Hub>,
    Known(_): Known,
    uri: Uri,
) -> Result<Json<Consistency>, Problem> {
    let parameters = Parameters::of(&uri, &["from", "to"])?;
    let needed =
        |name| size(&parameters, name)?.ok_or_else(|| Problem::parameter(name, "is needed"));
    let (from, to) = (needed("from")?, needed("to")?);
    if from > to {
        return Err(Problem::parameter("from", "is larger than `to`"));
    }
    Ok(Json(hub.exchange.ledger_consistency(from, to).await?))
}

/// `GET /v1/ledger/entries`.
pub async fn entries(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<Opened>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let (items, next) = hub
        .exchange
        .ledger_entries(&caller, paging.cursor.as_deref(), paging.limit)
        .await?;
    Ok(Json(Page { items, next }))
}

/// `GET /v1/ledger/entries/{id}/proof`.
pub async fn proof(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Proved>, Problem> {
    let size = size(&Parameters::of(&uri, &["size"])?, "size")?;
    Ok(Json(hub.exchange.ledger_proof(&caller, &id, size).await?))
}

fn size(parameters: &Parameters, name: &str) -> Result<Option<u64>, Problem> {
    parameters
        .get(name)
        .map(|text| {
            text.parse()
                .map_err(|_| Problem::parameter(name, "is a number of leaves"))
        })
        .transpose()
}
