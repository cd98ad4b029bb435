//! Statistics: the tables that the exchange makes of a reader's reports, with bars beside the counts.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;

use super::handling::{Plainly, plainly};
use super::page::{Page, render};
use super::search::{Asked, Filter};
use super::terms;
use super::trouble::Trouble;
use super::visit::Seated;
use crate::exchange::search::{Row, Stats, Table};
use crate::handling::Channel;
use crate::http::Hub;
use crate::http::api::{asked_at, spreadsheet};

/// Where it lives.
const HERE: &str = "/console/statistics";

/// What each table is called, in the order of the page.
const TABLES: &[(&str, &str, &str)] = &[
    ("kinds", "種類ごとの件数", "By kind"),
    (
        "sectors",
        "障害の原因：分野ごと",
        "Incident causes by sector",
    ),
    (
        "causes",
        "原因：分野と四半期ごと",
        "Causes by sector and quarter",
    ),
    ("events", "事象：分野ごと", "Events by sector"),
    ("durations", "継続時間：分野ごと", "Durations by sector"),
    (
        "near_misses",
        "ヒヤリハット：分野と四半期ごと",
        "Near misses by sector and quarter",
    ),
    (
        "quarters",
        "件数：分野と四半期ごと",
        "Incident causes by sector and quarter",
    ),
    (
        "ripples",
        "分野から分野への波及",
        "Ripples from sector to sector",
    ),
    (
        "practices",
        "ベストプラクティスで防げた事例",
        "Cases that a best practice would have helped against",
    ),
];

/// A row as it is shown.
struct Shown {
    values: Vec<(String, Option<String>)>,
    cases: Option<u64>,
    /// The bar's length in hundredths of the table's longest; 0 for none.
    bar: u64,
}

/// A table as it is shown.
struct Drawn {
    name: &'static str,
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<Shown>,
    /// Whether any count of it is told.
    told: bool,
    /// The same as a matrix, where it is one.
    matrix: Option<Matrix>,
}

/// A table of two columns as rows and columns of their own.
struct Matrix {
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
}

/// A place in a matrix.
#[derive(Clone, Copy)]
enum Cell {
    /// There are none.
    None,
    /// How many there are is not told.
    Untold,
    /// So many.
    Told(u64),
}

#[derive(Template)]
#[template(path = "console/statistics.html")]
struct Statistics {
    p: Page,
    filters: Vec<Filter>,
    reports: Option<u64>,
    complete: bool,
    k: u32,
    tlp: Option<String>,
    plainly: Plainly,
    tables: Vec<Drawn>,
    csv: String,
    search: String,
    words: String,
    hides: bool,
}

async fn stats(hub: &Hub, seated: &Seated, uri: &Uri, channel: Channel) -> Result<Stats, Trouble> {
    let search = asked_at(uri, false).map_err(|problem| Trouble::asked(&problem))?;
    let view = hub.exchange.view(Some(seated.caller()), channel).await?;
    Ok(hub.exchange.stats(&view, &search).await?)
}

/// `GET /console/statistics`.
pub async fn show(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let (caller, language) = (seated.caller(), seated.language());
    let stats = stats(&hub, &seated, &uri, Channel::Console).await?;
    let asked = Asked::of(HERE, &uri);
    let tables = TABLES.iter().filter_map(|(name, ja, en)| {
        let table = stats.tables.iter().find(|table| table.name == *name)?;
        let columns = columns(table).iter();
        Some(Drawn {
            told: table.rows.iter().any(|row| row.cases.is_some()),
            matrix: (*name == "ripples").then(|| {
                matrix(table, &|code| {
                    terms::value(language, &caller.directory, "sector", code)
                })
            }),
            name,
            title: language.t(ja, en),
            columns: columns
                .map(|column| terms::name(language, column).to_owned())
                .collect(),
            rows: rows(table, &|column, value| {
                terms::value(language, &caller.directory, column, value)
            }),
        })
    });
    let tables: Vec<Drawn> = tables.collect();
    render(&Statistics {
        p: Page::of(&seated.visit, HERE),
        filters: asked.filters(language, &caller.directory),
        reports: stats.reports,
        complete: stats.complete,
        k: stats.k,
        plainly: stats.tlp.as_ref().map_or_else(Plainly::default, |tlp| {
            plainly(language, tlp, &stats.obligations, "")
        }),
        tlp: stats.tlp,
        hides: tables
            .iter()
            .any(|table| table.rows.iter().any(|row| row.cases.is_none())),
        tables,
        csv: asked.on("/console/statistics/csv"),
        search: asked.on("/console/search"),
        words: asked.get("q").trim().to_owned(),
    })
}

/// `GET /console/statistics/csv`: the API's table, for the session.
pub async fn csv(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    // A file is a copy: it is made of what one may take, not of what one may only look at.
    let stats = stats(&hub, &seated, &uri, Channel::Rest).await?;
    let mut response = spreadsheet(&stats);
    let name = HeaderValue::from_static("attachment; filename=\"statistics.csv\"");
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// The columns that are shown: a practice has a link instead of its id.
fn columns(table: &Table) -> &'static [&'static str] {
    match table.columns {
        ["id", rest @ ..] => rest,
        all => all,
    }
}

/// Which sector's cases rippled to which.
fn matrix(table: &Table, words: &dyn Fn(&str) -> String) -> Matrix {
    let at = |row: &Row, place: usize| row.values.get(place).cloned().unwrap_or_default();
    let from: BTreeSet<String> = table.rows.iter().map(|row| at(row, 0)).collect();
    let to: BTreeSet<String> = table.rows.iter().map(|row| at(row, 1)).collect();
    let cell = |from: &String, to: &String| {
        let mut rows = table.rows.iter();
        let row = rows.find(|row| at(row, 0) == *from && at(row, 1) == *to);
        row.map_or(Cell::None, |row| row.cases.map_or(Cell::Untold, Cell::Told))
    };
    Matrix {
        columns: to.iter().map(|code| words(code)).collect(),
        rows: from
            .iter()
            .map(|from| (words(from), to.iter().map(|to| cell(from, to)).collect()))
            .collect(),
    }
}

fn rows(table: &Table, words: &dyn Fn(&str, &str) -> String) -> Vec<Shown> {
    let most = table.rows.iter().filter_map(|row| row.cases).max();
    let most = most.unwrap_or_default().max(1);
    let named = table.columns.first() == Some(&"id");
    let shown = |row: &Row| {
        let id = row.values.first().filter(|_| named);
        let cells = table.columns.iter().zip(&row.values);
        let cells = cells.filter(|(column, _)| **column != "id");
        Shown {
            values: cells
                .map(|(column, value)| match id {
                    Some(id) => (value.clone(), Some(format!("/console/cases/{id}"))),
                    None => (words(column, value), None),
                })
                .collect(),
            cases: row.cases,
            bar: row.cases.map_or(0, |count| (count * 100).div_ceil(most)),
        }
    };
    table.rows.iter().map(shown).collect()
}
