//! The surfaces spoken over HTTP. They translate, and call use cases; no rule lives here (law 3).
//!
//! [`api`] is `/v1` with its tokens, [`taxii`] is `/taxii2/`, `csaf` what CSAF tools look for,
//! [`console`] the pages for people, `export` the files both hand out, [`auth`] finds out who is calling.

pub mod api;
pub mod auth;
pub mod console;
mod csaf;
mod export;
pub mod taxii;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::exchange::Exchange;

/// What every handler has.
#[derive(Clone, Debug)]
pub struct Hub {
    /// The use cases.
    pub exchange: Exchange,
}

/// Marks an answer that may be kept: a file whose name holds its hash.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Unchanging;

/// A request is answered or given up within this time, so that a slow one holds no place for ever.
pub(in crate::http) const ANSWER_SECONDS: u64 = 60;

/// The whole surface.
pub fn router(exchange: Exchange) -> Router {
    let hub = Hub { exchange };
    let routes = Router::new()
        .merge(api::routes())
        .merge(csaf::routes())
        .nest("/taxii2", taxii::routes())
        .merge(console::routes(&hub))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(hub)
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(ANSWER_SECONDS),
        ))
        .layer(middleware::from_fn(security_headers));
    // Paths are tidied before routing: a layer inside the router would come too late.
    Router::new().fallback_service(
        tower::ServiceBuilder::new()
            .layer(middleware::from_fn(tidy_path))
            .service(routes),
    )
}

async fn readyz(State(hub): State<Hub>) -> Response {
    match hub.exchange.ready().await {
        Ok(()) => "ok\n".into_response(),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        )
            .into_response(),
    }
}

async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // What never changes under its name says so itself; everything else is kept nowhere.
    let unchanging = response.extensions().get::<Unchanging>().is_some();
    let headers = response.headers_mut();
    if !unchanging {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Clients double slashes and differ on the last one; all forms are one path, answered and never
/// redirected, since some clients lose their credentials on a redirect.
async fn tidy_path(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let tidy: String = std::iter::once("")
        .chain(path.split('/').filter(|part| !part.is_empty()))
        .collect::<Vec<_>>()
        .join("/");
    let tidy = if tidy.is_empty() {
        "/".to_owned()
    } else {
        tidy
    };
    if tidy != path {
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        if let Ok(uri) = format!("{tidy}{query}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
}
