//! How it goes with the peers, for who runs the hub: places, instants and counts, and nothing of what
//! passes.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::extract::{Known, Page, Parameters};
use super::problem::Problem;
use crate::exchange::peers::PeerView;
use crate::http::Hub;

/// `GET /v1/peers`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<PeerView>>, Problem> {
    Parameters::of(&uri, &[])?;
    let items = hub.exchange.peers(&caller).await?;
    Ok(Json(Page { items, next: None }))
}
