//! Advisories: the list, issuing one, its board, and passing it on. One advisory is read as any case.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::cases::{Line, id_of, line};
use super::door::query;
use super::draft;
use super::page::{Page, render, render_as};
use super::preview::Shown;
use super::publish::{Written, try_out};
use super::trouble::Trouble;
use super::visit::{Fields, Seated, Sent, encoded};
use crate::exchange::Refusal;
use crate::exchange::board::{Board, Named};
use crate::exchange::publish::Submission;
use crate::exchange::read::Listing;
use crate::http::Hub;
use crate::report::{Kind, drill};

/// Rows of a page.
const ROWS: usize = 25;

/// Types, urgencies and routes of an advisory, as the schema has them.
const TYPES: [&str; 11] = [
    "alert",
    "early_warning",
    "vulnerability",
    "announced_attack",
    "disaster",
    "action_request",
    "rfi",
    "reference",
    "update",
    "stand_down",
    "drill",
];

#[derive(Template)]
#[template(path = "console/advisories.html")]
struct Advisories {
    p: Page,
    drills: bool,
    lines: Vec<Line>,
    next: Option<String>,
    issues: bool,
}

/// `GET /console/advisories`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let (cursor, drills) = (query(&uri, "cursor"), query(&uri, "drill") == "true");
    let kind = if drills {
        drill::KIND
    } else {
        Kind::Advisory.as_str()
    };
    let listing = Listing {
        limit: ROWS,
        kinds: vec![kind.to_owned()],
    };
    let view = seated.view(&hub).await?;
    let mark = (!cursor.is_empty()).then_some(cursor.as_str());
    let (reports, next) = hub.exchange.reports(&view, mark, &listing).await?;
    render(&Advisories {
        p: Page::of(&seated.visit, "/console/advisories"),
        drills,
        lines: reports
            .iter()
            .map(|report| line(language, &caller.directory, report))
            .collect(),
        next: next.map(|next| {
            format!(
                "/console/advisories?drill={drills}&cursor={}",
                encoded(&next)
            )
        }),
        issues: caller.has(crate::council::body::role::ADVISOR),
    })
}

#[derive(Template)]
#[template(path = "console/issue.html")]
struct Issue {
    p: Page,
    written: Written,
    shown: Shown,
    types: [&'static str; 11],
}

fn form(
    hub: &Hub,
    seated: &Seated,
    fields: Fields,
    shown: Option<Shown>,
) -> Result<Issue, Trouble> {
    let p = Page::of(&seated.visit, "/console/advisories");
    let faults = shown
        .as_ref()
        .map(|shown| shown.faults.clone())
        .unwrap_or_default();
    Ok(Issue {
        written: Written::of(hub, seated, fields, faults)?,
        shown: shown.unwrap_or_else(|| Shown::nothing(&p, Vec::new())),
        types: TYPES,
        p,
    })
}

/// `GET /console/advisories/new`.
pub async fn ask(State(hub): State<Hub>, seated: Seated) -> Result<Response, Trouble> {
    let due = draft::in_a_day(hub.exchange.clock().now());
    let fields = [
        ("due", due.as_str()),
        ("urgency", "normal"),
        ("route", "ceptoar"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    render(&form(&hub, &seated, Fields(fields.to_vec()), None)?)
}

/// `POST /console/advisories/new`.
pub async fn issue(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    if sent.fields.get("act") != "publish" {
        let shown = try_out(&hub, &sent, Kind::Advisory).await?;
        return render(&form(&hub, &sent.by, sent.fields, Some(shown))?);
    }
    let submission = Submission {
        bytes: draft::report(Kind::Advisory, &sent.fields)
            .to_string()
            .into_bytes(),
        idempotency_key: sent.fields.said().idempotency_key,
        ..Submission::default()
    };
    match hub.exchange.publish(sent.by.caller(), submission).await {
        Ok(published) => {
            let done = format!("/console/cases/{}?done={}", published.id, published.state);
            Ok(Redirect::to(&done).into_response())
        }
        Err(Refusal::Invalid(faults) | Refusal::Malformed(faults)) => {
            let shown = Shown::nothing(&Page::of(&sent.by.visit, ""), faults);
            let page = form(&hub, &sent.by, sent.fields, Some(shown))?;
            Ok(render_as(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "console/board.html")]
struct BoardPage {
    p: Page,
    board: Board,
    title: super::language::Text,
}

impl BoardPage {
    /// A count as it is told; one that is not told says so.
    fn count(&self, count: &Option<u64>) -> String {
        match count {
            Some(count) => count.to_string(),
            None => self.p.t("非表示", "not told").to_owned(),
        }
    }

    fn answer(&self, one: &Named) -> String {
        one.answer
            .as_ref()
            .map_or_else(String::new, |answer| self.p.word("feedback", answer))
    }

    fn at(&self, at: &Option<String>) -> String {
        at.as_ref()
            .map_or_else(|| "—".to_owned(), |at| self.p.time(at))
    }
}

/// `GET /console/advisories/{id}/board`.
pub async fn board(
    State(hub): State<Hub>,
    seated: Seated,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let board = hub.exchange.board(seated.caller(), &id).await?;
    let board = board.ok_or_else(Trouble::not_found)?;
    let view = seated.view(&hub).await?;
    let report = hub
        .exchange
        .report(&view, &id)
        .await?
        .ok_or_else(Trouble::not_found)?;
    render(&BoardPage {
        p: Page::of(&seated.visit, "/console/advisories"),
        title: line(seated.language(), &seated.caller().directory, &report).title,
        board,
    })
}

/// `POST /console/advisories/{id}/pass-on`.
pub async fn pass_on(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    hub.exchange
        .pass_on(sent.by.caller(), &id, sent.fields.said())
        .await?;
    Ok(Redirect::to(&format!("/console/cases/{id}?done=passed-on")).into_response())
}
