//! The console: pages for people, in Japanese and English, rendered here. Handlers read the request,
//! call the same use cases as the API and fill a template; no rule lives here (law 3).
//!
//! `visit` finds out who is looking and guards forms, `page` is what every page shares, the other
//! files are one page or one kind of page each. `docs/console.md` says what there is.

mod account;
mod advisories;
mod approvals;
mod cases;
mod chosen;
mod compare;
mod directory;
mod door;
mod draft;
mod files;
mod graph;
mod handling;
mod home;
mod language;
mod ledger;
mod notices;
mod page;
mod plan;
mod preview;
mod publish;
mod search;
mod searches;
mod sets;
mod similar;
mod statistics;
mod terms;
mod trouble;
mod visit;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::Hub;
use crate::exchange::scheme_plan::TEXT_BYTES_MAX;
pub(in crate::http) use cases::{Case, case, content};
pub(in crate::http) use handling::{Plainly, plainly, whole};
pub(in crate::http) use language::{Language, Text};
pub(in crate::http) use page::{day, time};

/// Where the console lives.
pub const HOME: &str = "/console";

/// The largest form; a report of many pages fits.
const FORM_BYTES_MAX: usize = 512 * 1024;

/// The largest form of a working set: two hundred notes at their longest, as browsers encode them.
const SET_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The largest form of a plan: its longest text, as browsers encode it.
const PLAN_BYTES_MAX: usize = 4 * TEXT_BYTES_MAX;

/// The largest form of whoever has not signed in.
const DOOR_BYTES_MAX: usize = 16 * 1024;

/// Every page, method and path; `tests/it/console.rs` asks each as each role.
pub const PAGES: &[(&str, &str)] = &[
    ("GET", "/console"),
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("POST", "/console/sign-out"),
    ("POST", "/console/language"),
    ("GET", "/console/account"),
    ("POST", "/console/account/sessions/end"),
    ("POST", "/console/account/sessions/end-all"),
    ("GET", "/console/cases"),
    ("GET", "/console/cases/{id}"),
    ("GET", "/console/cases/{id}/stix"),
    ("GET", "/console/cases/{id}/graph"),
    ("GET", "/console/cases/{id}/similar"),
    ("POST", "/console/cases/{id}/feedback"),
    ("GET", "/console/approvals"),
    ("GET", "/console/approvals/{id}"),
    ("POST", "/console/approvals/{id}"),
    ("GET", "/console/publish"),
    ("POST", "/console/publish"),
    ("POST", "/console/publish/preview"),
    ("GET", "/console/advisories"),
    ("GET", "/console/advisories/new"),
    ("POST", "/console/advisories/new"),
    ("GET", "/console/advisories/{id}"),
    ("GET", "/console/advisories/{id}/board"),
    ("POST", "/console/advisories/{id}/pass-on"),
    ("GET", "/console/notices"),
    ("POST", "/console/notices/{id}"),
    ("GET", "/console/directory"),
    ("GET", "/console/rules"),
    ("GET", "/console/rules/plan"),
    ("POST", "/console/rules/plan"),
    ("GET", "/console/ledger"),
    ("GET", "/console/ledger/{id}"),
    ("GET", "/console/search"),
    ("GET", "/console/searches"),
    ("POST", "/console/searches"),
    ("GET", "/console/searches/{id}"),
    ("POST", "/console/searches/{id}"),
    ("GET", "/console/statistics"),
    ("GET", "/console/statistics/csv"),
    ("GET", "/console/compare"),
    ("GET", "/console/brief"),
    ("GET", "/console/export"),
    ("GET", "/console/sets"),
    ("POST", "/console/sets"),
    ("GET", "/console/sets/add"),
    ("POST", "/console/sets/add"),
    ("GET", "/console/sets/{id}"),
    ("POST", "/console/sets/{id}"),
];

/// Its routes, with what stands before each of them.
pub fn routes(hub: &Hub) -> Router<Hub> {
    let pages = Router::new()
        .route("/console", get(home::show))
        .route(
            "/console/sign-in",
            get(door::ask)
                .post(door::sign_in)
                .layer(DefaultBodyLimit::max(DOOR_BYTES_MAX)),
        )
        .route("/console/sign-out", post(door::sign_out))
        .route(
            "/console/language",
            post(door::language).layer(DefaultBodyLimit::max(DOOR_BYTES_MAX)),
        )
        .route("/console/account", get(account::show))
        .route("/console/account/sessions/end", post(account::end))
        .route("/console/account/sessions/end-all", post(account::end_all))
        .route("/console/cases", get(cases::list))
        .route("/console/cases/{id}", get(cases::show))
        .route("/console/cases/{id}/stix", get(cases::stix))
        .route("/console/cases/{id}/graph", get(graph::show))
        .route("/console/cases/{id}/similar", get(similar::show))
        .route("/console/cases/{id}/feedback", post(cases::say))
        .route("/console/approvals", get(approvals::list))
        .route(
            "/console/approvals/{id}",
            get(approvals::show).post(approvals::answer),
        )
        .route("/console/publish", get(publish::ask).post(publish::send))
        .route("/console/publish/preview", post(publish::preview))
        .route("/console/advisories", get(advisories::list))
        .route(
            "/console/advisories/new",
            get(advisories::ask).post(advisories::issue),
        )
        .route("/console/advisories/{id}", get(cases::show))
        .route("/console/advisories/{id}/board", get(advisories::board))
        .route(
            "/console/advisories/{id}/pass-on",
            post(advisories::pass_on),
        )
        .route("/console/notices", get(notices::list))
        .route("/console/notices/{id}", post(notices::acknowledge))
        .route("/console/directory", get(directory::show))
        .route("/console/rules", get(directory::rules))
        .route(
            "/console/rules/plan",
            get(plan::ask)
                .post(plan::show)
                .layer(DefaultBodyLimit::max(PLAN_BYTES_MAX)),
        )
        .route("/console/ledger", get(ledger::list))
        .route("/console/ledger/{id}", get(ledger::show))
        .route("/console/search", get(search::show))
        .route(
            "/console/searches",
            get(searches::list).post(searches::save),
        )
        .route(
            "/console/searches/{id}",
            get(searches::show).post(searches::change),
        )
        .route("/console/statistics", get(statistics::show))
        .route("/console/statistics/csv", get(statistics::csv))
        .route("/console/compare", get(chosen::compare))
        .route("/console/brief", get(chosen::brief))
        .route("/console/export", get(chosen::export))
        .route("/console/sets", get(sets::list).post(sets::make))
        .route("/console/sets/add", get(sets::ask).post(sets::add))
        .route(
            "/console/sets/{id}",
            get(sets::show)
                .post(sets::change)
                .layer(DefaultBodyLimit::max(SET_BYTES_MAX)),
        )
        .route(
            "/console/{*rest}",
            get(trouble::nothing).post(trouble::nothing),
        )
        .method_not_allowed_fallback(trouble::method)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(hub.clone(), visit::guard));
    Router::new()
        .route("/", get(front))
        .route("/console/files/{name}", get(files::serve))
        .merge(pages)
}

/// The bare address: a browser is shown in, a program is told what it always was.
async fn front(headers: HeaderMap) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page {
        Redirect::to(HOME).into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}
