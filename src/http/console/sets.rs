//! Working sets: the list, one with its notes, and what is put into one from a case or a search.

use askama::Template;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::cases::{Line, id_of, line};
use super::chosen::ids;
use super::page::{Page, render};
use super::trouble::Trouble;
use super::visit::{Seated, Sent, encoded, once};
use crate::exchange::sets::{ITEMS_MAX, LeftNote, NAME_MAX, NOTE_MAX, SetChange, SetView};
use crate::handling::Channel;
use crate::http::Hub;

/// What the field of a case's note begins with; its id follows.
const NOTE: &str = "note-";

#[derive(Template)]
#[template(path = "console/sets.html")]
struct Sets {
    p: Page,
    sets: Vec<SetView>,
    name_max: usize,
    once: String,
}

/// `GET /console/sets`.
pub async fn list(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    render(&Sets {
        sets: hub.exchange.sets(seated.caller()).await?,
        p: Page::of(&seated.visit, "/console/sets").with_done(&uri),
        name_max: NAME_MAX,
        once: once()?,
    })
}

/// `POST /console/sets`.
pub async fn make(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let name = sent.fields.get("name");
    let set = hub
        .exchange
        .make_set(sent.by.caller(), (name, ""), sent.fields.said());
    let set = set.await?;
    Ok(to(&set.id, "set-made"))
}

fn to(id: &str, done: &str) -> Response {
    Redirect::to(&format!("/console/sets/{}?done={done}", encoded(id))).into_response()
}

#[derive(Template)]
#[template(path = "console/set.html")]
struct SetTemplate {
    p: Page,
    set: SetView,
    /// Each with the note on it, and when it was put there.
    lines: Vec<(Line, String, String)>,
    left: Vec<LeftNote>,
    /// So many of them are to look at only.
    looked_at: usize,
    name_max: usize,
    note_max: usize,
}

/// `GET /console/sets/{id}`.
pub async fn show(
    State(hub): State<Hub>,
    seated: Seated,
    uri: Uri,
    params: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, language) = (seated.caller(), seated.language());
    let page = hub.exchange.set(caller, Channel::Console, &id).await?;
    let taken = hub.exchange.ids_in_set(caller, Channel::Rest, &id).await?;
    let lines = page.items.iter().map(|item| {
        let line = line(language, &caller.directory, &item.whole);
        (line, item.note.clone(), item.added_at.clone())
    });
    render(&SetTemplate {
        p: Page::of(&seated.visit, "/console/sets").with_done(&uri),
        looked_at: page.items.len().saturating_sub(taken.len()),
        lines: lines.collect(),
        set: page.set,
        left: page.left_notes,
        name_max: NAME_MAX,
        note_max: NOTE_MAX,
    })
}

/// `POST /console/sets/{id}`: its name and notes as they stand, and what is taken out; or its end.
pub async fn change(
    State(hub): State<Hub>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    sent: Sent,
) -> Result<Response, Trouble> {
    let id = id_of(params)?;
    let (caller, fields) = (sent.by.caller(), &sent.fields);
    let expected = Some(fields.get("version").parse().unwrap_or(0));
    if fields.get("end") == "yes" {
        hub.exchange.end_set(caller, &id, expected).await?;
        return Ok(Redirect::to("/console/sets?done=set-ended").into_response());
    }
    let remove: Vec<String> = fields.all("remove").map(str::to_owned).collect();
    let notes = fields.0.iter().filter_map(|(name, note)| {
        let report = name.strip_prefix(NOTE)?;
        let kept = !remove.iter().any(|gone| gone == report);
        kept.then(|| (report.to_owned(), plain(note)))
    });
    let change = SetChange {
        name: Some(fields.get("name").to_owned()),
        note: Some(plain(fields.get("note"))),
        notes: notes.collect(),
        add: Vec::new(),
        remove,
    };
    let channel = Channel::Console;
    hub.exchange
        .change_set(caller, channel, &id, (change, expected))
        .await?;
    Ok(to(&id, "set-saved"))
}

/// A note as it was typed: browsers send two characters for the end of a line.
fn plain(note: &str) -> String {
    note.replace("\r\n", "\n").trim().to_owned()
}

#[derive(Template)]
#[template(path = "console/set_add.html")]
struct Add {
    p: Page,
    lines: Vec<Line>,
    sets: Vec<SetView>,
    name_max: usize,
    once: String,
}

/// `GET /console/sets/add`.
pub async fn ask(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let view = seated.view(&hub).await?;
    let mut lines = Vec::new();
    for id in ids(&uri).into_iter().take(ITEMS_MAX) {
        let report = hub.exchange.report(&view, &id).await?;
        let report = report.ok_or_else(Trouble::not_found)?;
        lines.push(line(language, &caller.directory, &report));
    }
    render(&Add {
        p: Page::of(&seated.visit, "/console/sets"),
        sets: hub.exchange.sets(caller).await?,
        lines,
        name_max: NAME_MAX,
        once: once()?,
    })
}

/// `POST /console/sets/add`: into one there is, or a new one.
pub async fn add(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let (caller, fields) = (sent.by.caller(), &sent.fields);
    let add: Vec<String> = fields.all("ids").map(str::to_owned).collect();
    let chosen = fields.get("set");
    // No empty set is left where one of them has gone since the page was made.
    let view = sent.by.view(&hub).await?;
    for id in add.iter().take(ITEMS_MAX) {
        let report = hub.exchange.report(&view, id).await?;
        report.ok_or_else(Trouble::not_found)?;
    }
    let set = if chosen.is_empty() || !fields.get("name").is_empty() {
        let name = fields.get("name");
        let made = hub.exchange.make_set(caller, (name, ""), fields.said());
        made.await?.id
    } else {
        chosen.to_owned()
    };
    let change = SetChange {
        add,
        ..SetChange::default()
    };
    let channel = Channel::Console;
    hub.exchange
        .change_set(caller, channel, &set, (change, None))
        .await?;
    Ok(to(&set, "set-added"))
}
