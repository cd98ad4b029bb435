//! The reader's own page: who the hub takes them for, their sessions, their keys.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::door;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, Sent};
use crate::exchange::sessions::{CredentialView, SessionView};
use crate::http::Hub;

#[derive(Template)]
#[template(path = "console/account.html")]
struct Account {
    p: Page,
    username: String,
    roles: Vec<String>,
    sessions: Vec<SessionView>,
    this: String,
    credentials: Vec<CredentialView>,
    idle_minutes: i64,
    absolute_hours: i64,
}

/// `GET /console/account`.
pub async fn show(State(hub): State<Hub>, seated: Seated) -> Result<Response, Trouble> {
    let caller = seated.caller();
    let limits = hub.exchange.session_limits();
    render(&Account {
        p: Page::of(&seated.visit, "/console/account"),
        username: caller.principal.id.to_string(),
        roles: caller.principal.roles.iter().cloned().collect(),
        sessions: hub.exchange.sessions(caller).await?,
        this: seated.session.name.clone(),
        credentials: hub.exchange.own_credentials(caller).await?,
        idle_minutes: limits.idle_seconds.div_euclid(60),
        absolute_hours: limits.absolute_seconds.div_euclid(3600),
    })
}

/// `POST /console/account/sessions/end`.
pub async fn end(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let name = sent.fields.get("session");
    hub.exchange.end_session(sent.by.caller(), name).await?;
    if name == sent.by.session.name {
        return Ok(door::out(&hub));
    }
    Ok(Redirect::to("/console/account").into_response())
}

/// `POST /console/account/sessions/end-all`.
pub async fn end_all(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    hub.exchange.sign_out_everywhere(sent.by.caller()).await?;
    Ok(door::out(&hub))
}
