//! Several reports at once: as a file, or side by side.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;

use super::extract::{Known, Parameters, json_bytes, strict};
use super::problem::Problem;
use crate::exchange::Refusal;
use crate::exchange::compare::Comparison;
use crate::handling::Channel;
use crate::http::Hub;
use crate::http::console::Language;
use crate::http::export::{Format, file};

/// Longest list, in bytes: room for two hundred ids of any kind.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What to export.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    ids: Option<Vec<String>>,
    set: Option<String>,
    format: Format,
}

/// `POST /v1/exports`.
pub async fn make(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(request.uri(), &[])?;
    let language = Language::wanted(request.headers());
    let asked: Asked = strict(&json_bytes(request, BODY_BYTES_MAX).await?)?;
    let ids = match (asked.ids, asked.set) {
        (Some(ids), None) => ids,
        // What may only be looked at is not in the set for who takes a copy of it.
        (None, Some(set)) => {
            hub.exchange
                .ids_in_set(&caller, Channel::Rest, &set)
                .await?
        }
        _ => {
            let message = "either `ids` or `set`";
            return Err(Refusal::fault("", "dossier.of", message).into());
        }
    };
    Ok(file(&hub, &caller, language, &ids, asked.format).await?)
}

/// `GET /v1/compare`.
pub async fn compare(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Comparison>, Problem> {
    let ids = Parameters::of(&uri, &["ids"])?.list("ids");
    let compared = hub.exchange.compare(&caller, Channel::Rest, &ids).await;
    compared
        .map(Json)
        .map_err(|refusal| Problem::asked("ids", refusal))
}
