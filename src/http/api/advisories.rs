//! Advisories: reports of the kind `advisory`, sent in the hub's own form or as a CSAF document, and
//! read as any report is; a document is given back as it came.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Id, Known, Page, Parameters, json_bytes};
use super::problem::Problem;
use super::reports::{self, accepted, idempotency_key};
use crate::csaf::{self, Beside, Document};
use crate::exchange::publish::{REPORT_BYTES_MAX, Submission};
use crate::exchange::read::{Listing, ReportView};
use crate::exchange::{Caller, Fault, Refusal};
use crate::http::Hub;
use crate::report::Kind;

/// What may stand in the address beside a CSAF document.
const BESIDE: [&str; 5] = ["type", "urgency", "route", "sectors", "level"];

/// `POST /v1/advisories`.
pub async fn issue(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    let submission = submission(&caller, request, None).await?;
    if submission.1 {
        let preview = hub.exchange.dry_run(&caller, &submission.0).await?;
        return Ok(Json(preview).into_response());
    }
    accepted(hub.exchange.publish(&caller, submission.0).await?)
}

/// `POST /v1/advisories/{id}/versions`.
pub async fn issue_version(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let expected = reports::if_match(request.headers())?;
    let present = reports::desk_version(&hub, &caller, &id).await?;
    let (submission, dry_run) = submission(&caller, request, Some(id)).await?;
    if dry_run {
        if expected.is_some_and(|expected| expected != present) {
            return Err(Problem::precondition());
        }
        let preview = hub.exchange.dry_run(&caller, &submission).await?;
        return Ok(Json(preview).into_response());
    }
    match hub.exchange.revise(&caller, submission, expected).await? {
        Some(published) => accepted(published),
        None => Err(Problem::precondition()),
    }
}

/// What is sent, and whether it is only tried out.
async fn submission(
    caller: &Caller,
    request: Request,
    replaces: Option<String>,
) -> Result<(Submission, bool), Problem> {
    let known: Vec<&str> = BESIDE.into_iter().chain(["dry_run"]).collect();
    let parameters = Parameters::of(request.uri(), &known)?;
    let dry_run = parameters.flag("dry_run")?;
    let idempotency_key = idempotency_key(request.headers())?;
    let bytes = json_bytes(request, REPORT_BYTES_MAX).await?;
    let submission = Submission {
        bytes: report_of(caller, bytes, &parameters)?,
        replaces,
        idempotency_key,
        ..Submission::default()
    };
    Ok((submission, dry_run))
}

/// The report that was sent, or that a CSAF document makes.
fn report_of(caller: &Caller, bytes: Vec<u8>, parameters: &Parameters) -> Result<Vec<u8>, Problem> {
    // What is no JSON is refused where reports are checked, with the place.
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if Document::is_one(&value) {
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        let scheme = caller.directory.ceptoar_of(&caller.body);
        let scheme = caller
            .directory
            .body(scheme)
            .and_then(|body| body.scheme.clone());
        let beside = Beside {
            kind: text("type"),
            urgency: text("urgency"),
            route: text("route"),
            sectors: parameters.list("sectors"),
            level: scheme.zip(text("level")),
        };
        let document = Document::parse(&bytes)
            .map_err(|faults| Refusal::Invalid(faults.into_iter().map(Fault::from).collect()))?;
        return Ok(csaf::report(&document, &beside).to_string().into_bytes());
    }
    if let Some(name) = BESIDE.iter().find(|name| parameters.get(name).is_some()) {
        return Err(Problem::parameter(
            name,
            "stands beside a CSAF document only",
        ));
    }
    let kind = value.get("kind").and_then(serde_json::Value::as_str);
    if kind.is_some_and(|kind| kind != Kind::Advisory.as_str()) {
        return Err(Refusal::Invalid(vec![Fault::at(
            "/kind",
            "report.enum",
            "`kind` of an advisory must be `advisory`; other reports go to `/v1/reports`",
        )])
        .into());
    }
    Ok(bytes)
}

/// `GET /v1/advisories`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<ReportView>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let listing = Listing {
        limit: paging.limit,
        kinds: vec![Kind::Advisory.as_str().to_owned()],
    };
    let view = reports::view(&hub, &caller).await?;
    let (items, next) = hub
        .exchange
        .reports(&view, paging.cursor.as_deref(), &listing)
        .await?;
    Ok(Json(Page { items, next }))
}

/// `GET /v1/advisories/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let advisory = advisory(&hub, &caller, &id).await?;
    Ok(reports::with_tag(advisory))
}

/// `GET /v1/advisories/{id}/csaf`: the document it was issued as, byte for byte, for whoever reads the
/// advisory as it was issued.
pub async fn document(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let advisory = advisory(&hub, &caller, &id).await?;
    let text = advisory.csaf().ok_or_else(Problem::not_found)?;
    let mut headers = HeaderMap::new();
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    Ok((headers, text).into_response())
}

async fn advisory(hub: &Hub, caller: &Caller, id: &str) -> Result<ReportView, Problem> {
    let view = reports::view(hub, caller).await?;
    hub.exchange
        .report(&view, id)
        .await?
        .filter(|report| report.kind == Kind::Advisory.as_str())
        .ok_or_else(Problem::not_found)
}
