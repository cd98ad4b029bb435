//! Search: the query string becomes words and filters, and what was found becomes a page.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::extract::{Id, Known, Parameters};
use super::problem::Problem;
use super::{board, reports};
use crate::exchange::search::asked::{FILTERS, PAGE};
use crate::exchange::search::{Found, Search, Similar, Stats};
use crate::http::Hub;
use crate::search::document::MARKS;

/// `GET /v1/search`.
pub async fn search(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Found>, Problem> {
    let known: Vec<&str> = FILTERS.iter().chain(PAGE).chain(MARKS).copied().collect();
    let parameters = Parameters::of(&uri, &known)?;
    let asked = asked(&parameters)?;
    let view = reports::view(&hub, &caller).await?;
    let cursor = parameters.get("cursor");
    Ok(Json(hub.exchange.search(&view, &asked, cursor).await?))
}

/// `GET /v1/reports/{id}/similar`.
pub async fn similar(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Similar>, Problem> {
    let parameters = Parameters::of(&uri, &["limit"])?;
    let limit = asked(&parameters)?.limit;
    let view = reports::view(&hub, &caller).await?;
    let similar = hub.exchange.similar(&view, &id, limit).await?;
    similar.map(Json).ok_or_else(Problem::not_found)
}

/// `GET /v1/stats`.
pub async fn stats(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Response, Problem> {
    let filters = FILTERS.iter().chain(MARKS);
    let known: Vec<&str> = filters.chain(&["format"]).copied().collect();
    let parameters = Parameters::of(&uri, &known)?;
    let csv = board::as_csv(&parameters)?;
    let asked = asked(&parameters)?;
    let view = reports::view(&hub, &caller).await?;
    let stats = hub.exchange.stats(&view, &asked).await?;
    Ok(if csv {
        spreadsheet(&stats)
    } else {
        Json(stats).into_response()
    })
}

/// RFC 4180: one line for each count, each with the rule that binds it. A count that is not told is
/// an empty field.
pub(in crate::http) fn spreadsheet(stats: &Stats) -> Response {
    let mut text = "table,first,second,third,cases,tlp,k,complete\r\n".to_owned();
    let tlp = stats.tlp.clone().unwrap_or_default();
    for table in &stats.tables {
        for row in &table.rows {
            let mut fields = vec![table.name.to_owned()];
            fields.extend((0..3).map(|at| row.values.get(at).cloned().unwrap_or_default()));
            fields.push(row.cases.map(|count| count.to_string()).unwrap_or_default());
            fields.extend([tlp.clone(), stats.k.to_string(), stats.complete.to_string()]);
            let fields: Vec<String> = fields.iter().map(|field| board::field(field)).collect();
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
    }
    (board::CSV, text).into_response()
}

/// What the console's address asks for: the same words and filters. What to count and how long a page
/// is, the page itself says.
///
/// # Errors
/// A 400 that names the parameter at fault.
pub(in crate::http) fn asked_at(uri: &Uri, paged: bool) -> Result<Search, Problem> {
    let paging: &[&str] = if paged { &["sort", "cursor"] } else { &[] };
    let known = FILTERS.iter().chain(MARKS).chain(paging);
    let known: Vec<&str> = known.copied().collect();
    asked(&Parameters::of(uri, &known)?)
}

fn asked(parameters: &Parameters) -> Result<Search, Problem> {
    Search::asked(&parameters.pairs())
        .map_err(|wrong| Problem::parameter(&wrong.name, &wrong.message))
}
