//! The link at the end of each mail, for whoever reads it: a page with one button, and what the button
//! and one-click unsubscribing (RFC 8058) send. Nobody logs in: the link itself is the proof.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::extract::Id;
use super::problem::Problem;
use crate::http::Hub;

/// Nothing is loaded, and the form goes back to where it came from.
const POLICY: &str =
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

fn page(status: StatusCode, words: &str, button: bool) -> Response {
    let form = if button {
        "<form method=\"post\"><button>通知を止める / Unsubscribe</button></form>"
    } else {
        ""
    };
    let page = format!(
        "<!doctype html><html lang=\"ja\"><meta charset=\"utf-8\"><title>関所 Sekisho</title>\
         <p>{words}</p>{form}</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, page).into_response()
}

/// `GET /unsubscribe/{id}`: asks; what scans mail for links opens this, so it ends nothing.
pub async fn ask(Id(_): Id) -> Response {
    page(
        StatusCode::OK,
        "このアドレスへの通知を止めますか。 / Stop what is sent to this address?",
        true,
    )
}

/// `POST /unsubscribe/{id}`. The body, if any, says nothing that the link does not.
pub async fn end(State(hub): State<Hub>, Id(link): Id) -> Result<Response, Problem> {
    Ok(if hub.exchange.unsubscribe(&link).await? {
        page(
            StatusCode::OK,
            "通知を止めました。 / Nothing more will be sent.",
            false,
        )
    } else {
        page(
            StatusCode::BAD_REQUEST,
            "このリンクは使えません。 / This link is none of this hub's.",
            false,
        )
    })
}
