//! The hub as a CSAF provider, for everybody and without login: what anybody may read of the advisories
//! that came as CSAF documents, where tools look for it. A view of the release log as any other.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::Hub;
use super::api::problem::Problem;
use crate::council::body::BodyKind;
use crate::csaf::Document;
use crate::csaf::provider::{
    FEED_PATH, FOLDER, Hash, METADATA_PATH, Published, Publisher, feed, metadata,
};
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
    let documents = documents(&hub, None).await?;
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
    let documents = documents(&hub, None).await?;
    Ok(axum::Json(feed(&base(&headers), &documents)).into_response())
}

/// A document, or the file of one of its hashes.
async fn file(
    State(hub): State<Hub>,
    Path((year, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let asked = format!("{FOLDER}/{year}/{name}");
    let hash = Hash::ALL.into_iter().find_map(|(hash, end)| {
        let of = asked.strip_suffix(end)?.strip_suffix('.')?;
        Some((hash, of))
    });
    let path = hash.map_or(asked.as_str(), |(_, of)| of);
    let documents = documents(&hub, Some(path)).await?;
    let one = documents.first().ok_or_else(Problem::not_found)?;
    Ok(match hash {
        Some((hash, _)) => text("text/plain; charset=utf-8", hash.file(&one.document)),
        None => text("application/json", one.document.text().to_owned()),
    })
}

fn text(media_type: &'static str, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type)];
    (StatusCode::OK, headers, body).into_response()
}

/// So many requests read all that is free for everybody at a time; others wait for them. It costs as
/// much as there is, and whoever asks need not log in.
static READING: Semaphore = Semaphore::const_new(2);

/// Everything that anybody may read and that is a CSAF document labelled CLEAR, the newest first, or the
/// one at a path. Of two under one name the newer.
async fn documents(hub: &Hub, at: Option<&str>) -> Result<Vec<Published>, Problem> {
    let _turn = READING.acquire().await;
    let view = hub.exchange.view(None, Channel::Rest).await?;
    let listing = Listing {
        limit: PAGE,
        kinds: vec![Kind::Advisory.as_str().to_owned()],
    };
    let mut found: Vec<Published> = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
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
            if one.document.tlp() != Some(Tlp::Clear) {
                continue;
            }
            let path = one.path();
            if at.is_some_and(|at| at == path) {
                return Ok(vec![one]);
            }
            if at.is_none() && names.insert(path) {
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
