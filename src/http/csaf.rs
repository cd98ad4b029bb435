//! The hub as a CSAF provider, for everybody and without login: what anybody may read of the advisories
//! that came as CSAF documents, where tools look for it. A view of the release log as any other.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Hub;
use super::api::problem::Problem;
use crate::council::body::BodyKind;
use crate::csaf::Document;
use crate::csaf::provider::{FEED_PATH, Hash, METADATA_PATH, Published, Publisher, feed, metadata};
use crate::exchange::read::Listing;
use crate::handling::{Channel, Tlp};
use crate::report::Kind;

/// So many reports are read at a time.
const PAGE: usize = 100;

/// Its routes.
pub fn routes() -> Router<Hub> {
    Router::new()
        .route(METADATA_PATH, get(provider_metadata))
        .route(FEED_PATH, get(rolie_feed))
        .route("/csaf/clear/{year}/{file}", get(file))
}

async fn provider_metadata(
    State(hub): State<Hub>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let documents = documents(&hub).await?;
    let directory = hub.exchange.directory();
    let mut bodies = directory.bodies();
    let centre = bodies.find(|body| body.kind == BodyKind::NationalCentre);
    let publisher = centre.map(|body| Publisher {
        name: body.name.en_or_ja().to_owned(),
        namespace: body
            .domains
            .first()
            .map_or_else(|| base(&headers), |domain| format!("https://{domain}")),
    });
    let publisher = publisher.ok_or_else(Problem::not_found)?;
    Ok(axum::Json(metadata(&base(&headers), &publisher, &documents)).into_response())
}

async fn rolie_feed(State(hub): State<Hub>, headers: HeaderMap) -> Result<Response, Problem> {
    let documents = documents(&hub).await?;
    Ok(axum::Json(feed(&base(&headers), &documents)).into_response())
}

/// A document, or the file of one of its hashes.
async fn file(
    State(hub): State<Hub>,
    Path((year, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let documents = documents(&hub).await?;
    let asked = format!("/csaf/clear/{year}/{name}");
    for one in &documents {
        let path = one.path();
        if asked == path {
            return Ok(text("application/json", one.document.text().to_owned()));
        }
        for (hash, end) in Hash::ALL {
            if asked == format!("{path}.{end}") {
                return Ok(text("text/plain; charset=utf-8", hash.file(&one.document)));
            }
        }
    }
    Err(Problem::not_found())
}

fn text(media_type: &'static str, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type)];
    (StatusCode::OK, headers, body).into_response()
}

/// Everything that anybody may read and that is a CSAF document labelled CLEAR, the newest first. Of two
/// under one name the newer.
async fn documents(hub: &Hub) -> Result<Vec<Published>, Problem> {
    let view = hub.exchange.view(None, Channel::Rest).await?;
    let listing = Listing {
        limit: PAGE,
        kinds: vec![Kind::Advisory.as_str().to_owned()],
    };
    let mut found: Vec<Published> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let (page, next) = hub
            .exchange
            .reports(&view, cursor.as_deref(), &listing)
            .await?;
        for report in page {
            let Some(text) = report.csaf() else { continue };
            let Ok(document) = Document::kept(text) else {
                continue; // stored documents have passed the checks of their day
            };
            let one = Published {
                document,
                released_at: report.released_at,
            };
            let clear = one.document.tlp() == Some(Tlp::Clear);
            let newer = found.iter().any(|other| other.path() == one.path());
            if clear && !newer {
                found.push(one);
            }
        }
        cursor = next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// The hub's address as the client wrote it. TLS is the proxy's before the hub, and CSAF wants https.
fn base(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    format!("https://{host}")
}
