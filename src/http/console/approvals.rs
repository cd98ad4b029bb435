//! Requests for consent: the queue, one request with both forms beside each other, and the answer.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::cases::{Line, content, id_of, line};
use super::compare::{Pair, pairs};
use super::door::query;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, Sent, encoded};
use crate::exchange::approve::Request as Asked;
use crate::http::Hub;

/// Requests of one page.
const ROWS: usize = 50;

/// How far the queue is read for one request of it.
const QUEUE_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "console/approvals.html")]
struct Queue {
    p: Page,
    waiting: Vec<(Asked, Option<Line>)>,
    next: Option<String>,
}

/// Requests that wait for the reader, with what each is about, and the cursor of the rest.
///
/// # Errors
/// When the database fails, or the cursor is not one of the hub's.
pub async fn waiting(
    hub: &Hub,
    seated: &Seated,
    cursor: &str,
    limit: usize,
) -> Result<(Vec<(Asked, Option<Line>)>, Option<String>), Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let mark = (!cursor.is_empty()).then_some(cursor);
    let (requests, next) = hub.exchange.approvals(caller, mark, limit).await?;
    let view = seated.view(hub).await?;
    let mut waiting = Vec::with_capacity(requests.len());
    for asked in requests {
        let report = match &asked.report {
            Some(id) => hub.exchange.report(&view, id).await?,
            None => None,
        };
        let line = report.map(|report| line(language, &caller.directory, &report));
        waiting.push((asked, line));
    }
    Ok((waiting, next))
}

/// `GET /console/approvals`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (waiting, next) = waiting(&hub, &seated, &query(&uri, "cursor"), ROWS).await?;
    render(&Queue {
        p: Page::of(&seated.visit, "/console/approvals").with_done(&uri),
        waiting,
        next: next.map(|next| format!("/console/approvals?cursor={}", encoded(&next))),
    })
}

#[derive(Template)]
#[template(path = "console/approval.html")]
struct Approval {
    p: Page,
    asked: Asked,
    line: Option<Line>,
    pairs: Vec<Pair>,
    anonymised: bool,
}

impl Approval {
    fn votes(&self) -> Vec<(bool, String, String, String)> {
        let text = |vote: &serde_json::Value, name: &str| {
            vote.get(name)
                .and_then(|v| v.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let votes = self.asked.votes.iter();
        votes
            .map(|vote| {
                let yes = vote
                    .get("yes")
                    .and_then(serde_json::Value::as_bool)
                    .unwrap_or_default();
                (
                    yes,
                    text(vote, "by"),
                    text(vote, "comment"),
                    text(vote, "at"),
                )
            })
            .collect()
    }
}

/// `GET /console/approvals/{id}`.
pub async fn show(
    State(hub): State<Hub>,
    seated: Seated,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    let (requests, _) = hub.exchange.approvals(caller, None, QUEUE_MAX).await?;
    let asked = requests.into_iter().find(|asked| asked.id == id);
    let asked = asked.ok_or_else(Trouble::not_found)?;
    let view = seated.view(&hub).await?;
    let (mut both, mut about, mut anonymised) = (Vec::new(), None, false);
    if let Some(report) = &asked.report
        && let Some(report) = hub.exchange.report(&view, report).await?
    {
        let other = hub.exchange.anonymised_form(&view, &report.id).await?;
        let before = content(&report);
        anonymised = other.is_some();
        both = pairs(language, &before, other.as_ref().unwrap_or(&before));
        about = Some(line(language, &caller.directory, &report));
    }
    render(&Approval {
        p: Page::of(&seated.visit, "/console/approvals"),
        asked,
        line: about,
        pairs: both,
        anonymised,
    })
}

/// `POST /console/approvals/{id}`.
pub async fn answer(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let yes = match sent.fields.get("decision") {
        "approve" => true,
        "refuse" => false,
        _ => return Err(Trouble::unreadable()),
    };
    let comment = sent.fields.get("comment");
    let answered = hub
        .exchange
        .answer(sent.by.caller(), &id, yes, comment)
        .await?;
    let done = format!("/console/approvals?done={}", answered.state);
    Ok(Redirect::to(&done).into_response())
}
