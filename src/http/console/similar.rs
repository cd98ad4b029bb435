//! Similar cases: the reader's reports that share something with one of them, each with what it is.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::response::Response;

use super::cases::{Line, id_of, line};
use super::page::{Page, render};
use super::terms;
use super::trouble::Trouble;
use super::visit::Seated;
use crate::exchange::search::Count;
use crate::http::Hub;

/// So many, the most alike.
const ROWS: usize = 10;

#[derive(Template)]
#[template(path = "console/similar.html")]
struct Alike {
    p: Page,
    case: Line,
    /// Each with what is shared: what it is called, and its values.
    found: Vec<(Line, Vec<(String, String)>)>,
    matches: Count,
}

/// `GET /console/cases/{id}/similar`.
pub async fn show(
    State(hub): State<Hub>,
    seated: Seated,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    let view = seated.view(&hub).await?;
    let report = hub.exchange.report(&view, &id).await?;
    let report = report.ok_or_else(Trouble::not_found)?;
    let similar = hub.exchange.similar(&view, &id, ROWS).await?;
    let similar = similar.ok_or_else(Trouble::not_found)?;
    let directory = &caller.directory;
    let found = similar.items.into_iter().map(|like| {
        let mut shared: Vec<(String, String)> = Vec::new();
        for reason in &like.reasons {
            let name = terms::name(language, &reason.shared);
            let value = terms::value(language, directory, &reason.shared, &reason.value);
            // What has one name comes one after the other.
            match shared.last_mut().filter(|(known, _)| known == name) {
                Some((_, values)) => {
                    values.push_str(language.t("、", ", "));
                    values.push_str(&value);
                }
                None => shared.push((name.to_owned(), value)),
            }
        }
        (line(language, directory, &like.report), shared)
    });
    render(&Alike {
        p: Page::of(&seated.visit, "/console/cases"),
        case: line(language, directory, &report),
        found: found.collect(),
        matches: similar.matches,
    })
}
