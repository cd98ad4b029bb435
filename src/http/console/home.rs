//! The front page: what is new for the reader, and what waits for them.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::approvals::waiting;
use super::cases::{Line, line};
use super::page::{Page, render};
use super::searches::{self, Saved};
use super::trouble::Trouble;
use super::visit::Seated;
use crate::exchange::approve::Request as Asked;
use crate::exchange::notices::NoticeView;
use crate::exchange::read::Listing;
use crate::http::Hub;
use crate::report::Kind;

/// So many of each are on the front page; the rest is a click away.
const NEW: usize = 8;
const ADVISORIES: usize = 5;
const WAITING: usize = 20;
const SEARCHES: usize = 10;

#[derive(Template)]
#[template(path = "console/home.html")]
struct Home {
    p: Page,
    approvals: Vec<(Asked, Option<Line>)>,
    notices: Vec<NoticeView>,
    advisories: Vec<(Line, bool)>,
    new: Vec<Line>,
    searches: Vec<Saved>,
}

/// `GET /console`.
pub async fn show(State(hub): State<Hub>, seated: Seated) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let view = seated.view(&hub).await?;
    let listing = |limit, kinds: &[Kind]| Listing {
        limit,
        kinds: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
    };
    let cases = listing(NEW, &[Kind::IncidentCause, Kind::BestPractice]);
    let (new, _) = hub.exchange.reports(&view, None, &cases).await?;
    let latest = listing(ADVISORIES, &[Kind::Advisory]);
    let (latest, _) = hub.exchange.reports(&view, None, &latest).await?;
    let mut advisories = Vec::with_capacity(latest.len());
    for advisory in &latest {
        // Whoever issued it has nothing to answer; of the others their own answers tell.
        let answered = advisory.desk.is_some() || answered(&hub, &seated, &advisory.id).await?;
        advisories.push((line(language, &caller.directory, advisory), answered));
    }
    let (approvals, _) = waiting(&hub, &seated, "", WAITING).await?;
    let mut notices = hub.exchange.notices(caller).await?;
    notices.retain(|notice| notice.acknowledged_at.is_none() && notice.kind == "recalled");
    let searches = searches::first(&hub, &seated, SEARCHES).await?;
    render(&Home {
        searches,
        p: Page::of(&seated.visit, "/console"),
        approvals,
        notices,
        advisories,
        new: new
            .iter()
            .map(|report| line(language, &caller.directory, report))
            .collect(),
    })
}

/// Whether the reader said anything of an advisory.
async fn answered(hub: &Hub, seated: &Seated, id: &str) -> Result<bool, Trouble> {
    let said = hub
        .exchange
        .feedback(seated.caller(), id, None, WAITING)
        .await?;
    Ok(said.is_some_and(|(said, _)| said.iter().any(|one| one.from.own)))
}
