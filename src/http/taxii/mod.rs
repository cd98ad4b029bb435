//! TAXII 2.1 below `/taxii2`: two API roots, the collections in `collection`, and nothing that
//! decides who may see what. Where the standard leaves a choice, the quirks of the clients in use
//! decide: every answer has the one content type, both forms of a path are one, nothing redirects.

mod collection;
mod error;
mod intake;
mod lenient;
mod manifest;
mod media;
mod objects;
mod page;
// Open for the fuzz targets of `fuzz/`, which are another package.
#[doc(hidden)]
pub mod query;
mod session;
mod status;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use self::error::Failure;
use self::session::{Root, Session};
use super::Hub;
use super::auth::{Identified, identify};
use crate::exchange::objects::ENVELOPE_BYTES_MAX;

/// Its routes. Paths arrive without a closing slash, whatever the client wrote.
pub fn routes() -> Router<Hub> {
    Router::new()
        .route("/", get(discovery))
        .route("/{root}", get(api_root))
        .route("/{root}/status/{status}", get(status::read))
        .route("/{root}/collections", get(collection::list))
        .route("/{root}/collections/{collection}", get(collection::one))
        .route(
            "/{root}/collections/{collection}/manifest",
            get(manifest::list),
        )
        .route(
            "/{root}/collections/{collection}/objects",
            get(objects::list).post(intake::add),
        )
        .route(
            "/{root}/collections/{collection}/objects/{object}",
            get(objects::one).delete(intake::remove),
        )
        .route(
            "/{root}/collections/{collection}/objects/{object}/versions",
            get(objects::versions),
        )
        .method_not_allowed_fallback(async || Failure::method())
        .fallback(async || Failure::not_found())
        .layer(axum::middleware::from_fn(error::always))
}

/// TAXII 4.1. It names no more than the roots, so that a client finds them before it logs in; a
/// credential that is wrong is said to be wrong here, where people try it first.
async fn discovery(State(hub): State<Hub>, headers: HeaderMap) -> Result<Response, Failure> {
    if let Identified::Unknown = identify(&hub, &headers).await? {
        return Err(Failure::unauthorised());
    }
    media::acceptable(&headers)?;
    let body = json!({
        "title": "Sekisho",
        "description": "Information sharing between the bodies of a council",
        "default": Root::Council.path(),
        "api_roots": [Root::Council.path(), Root::Public.path()],
    });
    Ok(media::answer(StatusCode::OK, body.to_string()))
}

/// TAXII 4.2.
async fn api_root(session: Session) -> Response {
    let body = json!({
        "title": session.root.title(),
        "description": session.root.description(),
        "versions": [media::TAXII],
        "max_content_length": ENVELOPE_BYTES_MAX,
    });
    media::answer(StatusCode::OK, body.to_string())
}
