//! The ledger: decisions that the reader may open, and one with its proof, which the script checks in
//! the browser.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;

use super::cases::id_of;
use super::door::query;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, encoded};
use crate::exchange::Refusal;
use crate::exchange::proof::{Opened, Proved};
use crate::http::Hub;

/// Rows of a page.
const ROWS: usize = 50;

/// A decision as a row.
struct Row {
    id: String,
    decision: String,
    about: String,
    at: String,
    sealed: bool,
}

fn row(entry: &Opened) -> Row {
    let record: Value = serde_json::from_str(&entry.record).unwrap_or_default();
    let text = |name: &str| {
        record
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    Row {
        id: entry.id.clone(),
        decision: text("decision"),
        about: text("item"),
        at: text("at"),
        sealed: entry.sealed,
    }
}

#[derive(Template)]
#[template(path = "console/ledger.html")]
struct Ledger {
    p: Page,
    rows: Vec<Row>,
    next: Option<String>,
    checkpoint: String,
    key: String,
}

/// `GET /console/ledger`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let id = query(&uri, "id");
    if !id.is_empty() {
        return Ok(Redirect::to(&format!("/console/ledger/{}", encoded(&id))).into_response());
    }
    let cursor = query(&uri, "cursor");
    let mark = (!cursor.is_empty()).then_some(cursor.as_str());
    let (entries, next) = hub
        .exchange
        .ledger_entries(seated.caller(), mark, ROWS)
        .await?;
    render(&Ledger {
        p: Page::of(&seated.visit, "/console/ledger"),
        rows: entries.iter().map(row).collect(),
        next: next.map(|next| format!("/console/ledger?cursor={}", encoded(&next))),
        checkpoint: hub.exchange.ledger_checkpoint().await?.unwrap_or_default(),
        key: hub.exchange.ledger_key().await?,
    })
}

#[derive(Template)]
#[template(path = "console/decision.html")]
struct Decision {
    p: Page,
    id: String,
    facts: Vec<(String, String)>,
    /// The proof as JSON, for the script; empty while the entry waits to be sealed.
    proof: String,
    key: String,
}

/// `GET /console/ledger/{id}`.
pub async fn show(
    State(hub): State<Hub>,
    seated: Seated,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (proof, facts) = match hub.exchange.ledger_proof(seated.caller(), &id, None).await {
        Ok(proved) => (json(&proved)?, facts(&proved.entry)),
        Err(Refusal::Conflict(_)) => (String::new(), Vec::new()), // not sealed yet
        Err(other) => return Err(other.into()),
    };
    render(&Decision {
        p: Page::of(&seated.visit, "/console/ledger"),
        id,
        facts,
        proof,
        key: hub.exchange.ledger_key().await?,
    })
}

fn json(proved: &Proved) -> Result<String, Trouble> {
    Ok(serde_json::to_string(proved).map_err(Refusal::from)?)
}

/// The members of a record; those that are sealed as far as the reader may open them.
fn facts(entry: &Opened) -> Vec<(String, String)> {
    let record: Value = serde_json::from_str(&entry.record).unwrap_or_default();
    let opened = |name: &str| {
        let mut members = entry.members.iter();
        let member = members.find(|member| member.at == format!("/{name}"))?;
        serde_json::from_str::<Value>(&member.text).ok()
    };
    let members = record.as_object();
    members
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = opened(name).unwrap_or_else(|| value.clone());
            let told = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), told)
        })
        .collect()
}
