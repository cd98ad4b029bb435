//! Boards: how far an advisory has arrived, as JSON or as a table for a spreadsheet.

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Id, Known, Page, Parameters};
use super::problem::Problem;
use super::reports;
use crate::exchange::board::{Board, Named, Tally};
use crate::http::Hub;

/// `GET /v1/advisories/{id}/board`.
pub async fn one(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    let csv = as_csv(&Parameters::of(&uri, &["format"])?)?;
    let board = hub.exchange.board(&caller, &id).await?;
    let board = board.ok_or_else(Problem::not_found)?;
    Ok(if csv {
        table(std::slice::from_ref(&board))
    } else {
        Json(board).into_response()
    })
}

/// `GET /v1/board`.
pub async fn all(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(&uri, &["format", "cursor", "limit", "drill"])?;
    let (csv, paging) = (as_csv(&parameters)?, parameters.paging()?);
    let drills = parameters.flag("drill")?;
    let view = reports::view(&hub, &caller).await?;
    let (items, next) = hub
        .exchange
        .boards(
            &caller,
            &view,
            paging.cursor.as_deref(),
            (paging.limit, drills),
        )
        .await?;
    Ok(if csv {
        table(&items)
    } else {
        Json(Page { items, next }).into_response()
    })
}

pub(super) fn as_csv(parameters: &Parameters) -> Result<bool, Problem> {
    match parameters.get("format") {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::parameter("format", "is `json` or `csv`")),
    }
}

/// A table for spreadsheets, with a line of names.
pub(in crate::http) const CSV: [(header::HeaderName, &str); 1] = [(
    header::CONTENT_TYPE,
    "text/csv; charset=utf-8; header=present",
)];

const HEAD: &str = "advisory,version,type,urgency,due,issued_at,age_seconds,hop,body,name,\
     concerned,delivered,opened,acknowledged,answered,answer,answer_due\r\n";

/// RFC 4180. A count that is not told is an empty field.
fn table(boards: &[Board]) -> Response {
    let mut text = HEAD.to_owned();
    for board in boards {
        let about = [
            board.id.clone(),
            board
                .version
                .map(|version| version.to_string())
                .unwrap_or_default(),
            board.kind.clone(),
            board.urgency.clone(),
            board.due.clone().unwrap_or_default(),
            board.issued_at.clone(),
            board.age_seconds.to_string(),
        ];
        line(&mut text, &about, "total", counted(None, &board.total));
        for one in &board.operators {
            line(&mut text, &about, "operator", body(one));
        }
        for hop in &board.ceptoars {
            line(&mut text, &about, "ceptoar", body(&hop.ceptoar));
            line(
                &mut text,
                &about,
                "operators",
                counted(Some(&hop.ceptoar), &hop.operators),
            );
            for one in &hop.named {
                line(&mut text, &about, "operator", body(one));
            }
        }
    }
    (CSV, text).into_response()
}

fn body(one: &Named) -> Vec<String> {
    let at = |at: &Option<String>| at.clone().unwrap_or_default();
    vec![
        one.body.to_string(),
        one.name.clone(),
        String::new(),
        at(&one.delivered_at),
        at(&one.opened_at),
        at(&one.acknowledged_at),
        String::new(),
        at(&one.answer),
        one.due.map(|due| due.to_rfc3339()).unwrap_or_default(),
    ]
}

fn counted(of: Option<&Named>, tally: &Tally) -> Vec<String> {
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    vec![
        of.map(|of| of.body.to_string()).unwrap_or_default(),
        of.map(|of| of.name.clone()).unwrap_or_default(),
        count(tally.concerned),
        count(tally.delivered),
        count(tally.opened),
        count(tally.acknowledged),
        count(tally.answered),
        String::new(),
        String::new(),
    ]
}

fn line(text: &mut String, about: &[String], hop: &str, rest: Vec<String>) {
    let fields = about.iter().map(String::as_str).chain([hop]);
    let rest = rest.iter().map(String::as_str);
    for (at, value) in fields.chain(rest).enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", field(value));
    }
    text.push_str("\r\n");
}

/// A field; one that a spreadsheet would take for a formula is made a text.
pub(in crate::http) fn field(value: &str) -> String {
    let value = guarded(value);
    // Some spreadsheets divide at semicolons too.
    if value.contains(['"', ',', ';', '\r', '\n']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value
}

/// A value that no spreadsheet takes for a formula.
pub(in crate::http) fn guarded(value: &str) -> String {
    // Spreadsheets set to Japanese read full-width signs as the narrow ones.
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if formula {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_breaks_no_line_and_is_no_formula() {
        assert_eq!(field("架空電力"), "架空電力");
        assert_eq!(field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("a;b"), "\"a;b\"");
        assert_eq!(field("＝1+1"), "'＝1+1");
        assert_eq!(field(""), "");
    }
}
