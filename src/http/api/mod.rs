//! The REST API: `/v1`, its tokens and its own description. Handlers read the request, call one use
//! case and shape the answer; [`problem`] is how they say no.

mod advisories;
mod approvals;
mod board;
mod bodies;
mod control;
mod exports;
mod extract;
mod feedback;
mod ledger;
mod oauth;
mod peers;
pub mod problem;
mod reports;
mod search;
mod searches;
mod sets;
mod stream;
mod subscriptions;
mod unsubscribe;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use super::Hub;
pub(in crate::http) use board::{CSV, field, guarded};
use problem::Problem;
pub(in crate::http) use reports::{bundle, bundled};
pub(in crate::http) use search::{asked_at, spreadsheet};

/// Every route, method and path as `schemas/openapi.json` writes them; a test compares the two.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/v1/whoami"),
    ("GET", "/v1/reports"),
    ("POST", "/v1/reports"),
    ("GET", "/v1/reports/{id}"),
    ("GET", "/v1/reports/{id}/stix"),
    ("GET", "/v1/reports/{id}/explain"),
    ("POST", "/v1/reports/{id}/versions"),
    ("GET", "/v1/reports/{id}/audience"),
    ("POST", "/v1/reports/{id}/accept"),
    ("POST", "/v1/reports/{id}/narrow"),
    ("POST", "/v1/reports/{id}/withdraw"),
    ("POST", "/v1/reports/{id}/way-out"),
    ("POST", "/v1/reports/{id}/override"),
    ("GET", "/v1/search"),
    ("GET", "/v1/searches"),
    ("POST", "/v1/searches"),
    ("GET", "/v1/searches/{id}"),
    ("PUT", "/v1/searches/{id}"),
    ("DELETE", "/v1/searches/{id}"),
    ("GET", "/v1/searches/{id}/new"),
    ("POST", "/v1/searches/{id}/looked"),
    ("GET", "/v1/stats"),
    ("GET", "/v1/reports/{id}/similar"),
    ("POST", "/v1/exports"),
    ("GET", "/v1/compare"),
    ("GET", "/v1/sets"),
    ("POST", "/v1/sets"),
    ("GET", "/v1/sets/{id}"),
    ("PUT", "/v1/sets/{id}"),
    ("DELETE", "/v1/sets/{id}"),
    ("PUT", "/v1/sets/{id}/items/{report}"),
    ("DELETE", "/v1/sets/{id}/items/{report}"),
    ("GET", "/v1/advisories"),
    ("POST", "/v1/advisories"),
    ("GET", "/v1/advisories/{id}"),
    ("POST", "/v1/advisories/{id}/versions"),
    ("GET", "/v1/advisories/{id}/csaf"),
    ("GET", "/v1/reports/{id}/feedback"),
    ("POST", "/v1/reports/{id}/feedback"),
    ("GET", "/v1/advisories/{id}/feedback"),
    ("POST", "/v1/advisories/{id}/feedback"),
    ("POST", "/v1/advisories/{id}/ack"),
    ("GET", "/v1/advisories/{id}/board"),
    ("GET", "/v1/board"),
    ("POST", "/v1/advisories/{id}/pass-on"),
    ("GET", "/v1/objects/{id}/feedback"),
    ("POST", "/v1/objects/{id}/feedback"),
    ("POST", "/v1/feedback/{id}/answer"),
    ("POST", "/v1/objects/{id}/narrow"),
    ("POST", "/v1/objects/{id}/withdraw"),
    ("GET", "/v1/view-only"),
    ("GET", "/v1/notices"),
    ("POST", "/v1/notices/{id}/acknowledge"),
    ("GET", "/v1/approvals"),
    ("POST", "/v1/approvals/{id}"),
    ("GET", "/v1/events"),
    ("GET", "/v1/stream"),
    ("GET", "/v1/subscriptions"),
    ("POST", "/v1/subscriptions"),
    ("GET", "/v1/subscriptions/{id}"),
    ("PUT", "/v1/subscriptions/{id}"),
    ("DELETE", "/v1/subscriptions/{id}"),
    ("POST", "/v1/subscriptions/{id}/pause"),
    ("POST", "/v1/subscriptions/{id}/resume"),
    ("POST", "/v1/subscriptions/{id}/rotate"),
    ("POST", "/v1/subscriptions/{id}/confirm"),
    ("GET", "/v1/subscriptions/{id}/deliveries"),
    (
        "POST",
        "/v1/subscriptions/{id}/deliveries/{delivery}/replay",
    ),
    ("GET", "/v1/peers"),
    ("GET", "/v1/bodies"),
    ("GET", "/v1/bodies/{id}"),
    ("GET", "/v1/schemes"),
    ("GET", "/v1/ledger/checkpoint"),
    ("GET", "/v1/ledger/key"),
    ("GET", "/v1/ledger/consistency"),
    ("GET", "/v1/ledger/entries"),
    ("GET", "/v1/ledger/entries/{id}/proof"),
    ("GET", "/unsubscribe/{id}"),
    ("POST", "/unsubscribe/{id}"),
    ("POST", "/oauth/token"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/openapi.json"),
    ("GET", "/schemas/report.schema.json"),
];

/// Its routes.
pub fn routes() -> Router<Hub> {
    let v1 = Router::new()
        .route("/whoami", get(bodies::whoami))
        .route("/reports", get(reports::list).post(reports::publish))
        .route("/reports/{id}", get(reports::read))
        .route("/reports/{id}/stix", get(reports::stix))
        .route("/reports/{id}/explain", get(reports::explain))
        .route("/reports/{id}/versions", post(reports::publish_version))
        .route("/reports/{id}/audience", get(control::audience))
        .route("/reports/{id}/accept", post(control::accept))
        .route("/reports/{id}/narrow", post(control::narrow))
        .route("/reports/{id}/withdraw", post(control::withdraw))
        .route("/reports/{id}/way-out", post(control::way_out))
        .route("/reports/{id}/override", post(control::safety))
        .route("/search", get(search::search))
        .route("/searches", get(searches::list).post(searches::make))
        .route(
            "/searches/{id}",
            get(searches::read)
                .put(searches::rename)
                .delete(searches::forget),
        )
        .route("/searches/{id}/new", get(searches::new))
        .route("/searches/{id}/looked", post(searches::looked))
        .route("/stats", get(search::stats))
        .route("/reports/{id}/similar", get(search::similar))
        .route("/exports", post(exports::make))
        .route("/compare", get(exports::compare))
        .route("/sets", get(sets::list).post(sets::make))
        .route(
            "/sets/{id}",
            get(sets::read).put(sets::define).delete(sets::end),
        )
        .route(
            "/sets/{id}/items/{report}",
            axum::routing::put(sets::put).delete(sets::remove),
        )
        .route("/advisories", get(advisories::list).post(advisories::issue))
        .route("/advisories/{id}", get(advisories::read))
        .route("/advisories/{id}/versions", post(advisories::issue_version))
        .route("/advisories/{id}/csaf", get(advisories::document))
        .route(
            "/reports/{id}/feedback",
            get(feedback::list).post(feedback::give),
        )
        .route(
            "/advisories/{id}/feedback",
            get(feedback::list).post(feedback::give),
        )
        .route("/advisories/{id}/ack", post(feedback::ack))
        .route(
            "/objects/{id}/feedback",
            get(feedback::list).post(feedback::give),
        )
        .route("/feedback/{id}/answer", post(feedback::answer))
        .route("/advisories/{id}/board", get(board::one))
        .route("/board", get(board::all))
        .route("/advisories/{id}/pass-on", post(advisories::pass_on))
        .route("/objects/{id}/narrow", post(control::narrow))
        .route("/objects/{id}/withdraw", post(control::withdraw))
        .route("/view-only", get(control::view_only))
        .route("/notices", get(control::notices))
        .route("/notices/{id}/acknowledge", post(control::acknowledge))
        .route("/approvals", get(approvals::list))
        .route("/approvals/{id}", post(approvals::answer))
        .route("/events", get(stream::events))
        .route("/stream", get(stream::stream))
        .route(
            "/subscriptions",
            get(subscriptions::list).post(subscriptions::make),
        )
        .route(
            "/subscriptions/{id}",
            get(subscriptions::read)
                .put(subscriptions::define)
                .delete(subscriptions::end),
        )
        .route("/subscriptions/{id}/pause", post(subscriptions::pause))
        .route("/subscriptions/{id}/resume", post(subscriptions::resume))
        .route("/subscriptions/{id}/rotate", post(subscriptions::rotate))
        .route("/subscriptions/{id}/confirm", post(subscriptions::confirm))
        .route(
            "/subscriptions/{id}/deliveries",
            get(subscriptions::deliveries),
        )
        .route(
            "/subscriptions/{id}/deliveries/{delivery}/replay",
            post(subscriptions::replay),
        )
        .route("/peers", get(peers::list))
        .route("/bodies", get(bodies::list))
        .route("/bodies/{id}", get(bodies::read))
        .route("/schemes", get(bodies::schemes))
        .route("/ledger/checkpoint", get(ledger::checkpoint))
        .route("/ledger/key", get(ledger::key))
        .route("/ledger/consistency", get(ledger::consistency))
        .route("/ledger/entries", get(ledger::entries))
        .route("/ledger/entries/{id}/proof", get(ledger::proof))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .fallback(|| async { Problem::not_found() });
    Router::new()
        .route(
            "/unsubscribe/{id}",
            get(unsubscribe::ask).post(unsubscribe::end),
        )
        .route("/oauth/token", post(oauth::token))
        .route("/.well-known/jwks.json", get(oauth::jwks))
        .route("/openapi.json", get(openapi))
        .route("/schemas/report.schema.json", get(report_schema))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .nest("/v1", v1)
}

async fn openapi() -> impl IntoResponse {
    let description = include_str!("../../../schemas/openapi.json");
    ([(header::CONTENT_TYPE, "application/json")], description)
}

async fn report_schema() -> impl IntoResponse {
    let schema = include_str!("../../../schemas/report.schema.json");
    ([(header::CONTENT_TYPE, "application/schema+json")], schema)
}
