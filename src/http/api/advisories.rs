//! Advisories: reports of the kind `advisory`, sent in the hub's own form or as a CSAF document, and
//! read as any report is; a document is given back as it came.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Id, Known, Page, Parameters, json_bytes};
use super::problem::Problem;
use super::reports;
use crate::csaf::{Beside, Document};
use crate::exchange::once::Said;
use crate::exchange::publish::{REPORT_BYTES_MAX, Submission};
use crate::exchange::read::ReportView;
use crate::exchange::route::PassedOn;
use crate::exchange::{Caller, Fault, Refusal};
use crate::http::Hub;
use crate::report::{Kind, drill};

/// What may stand in the address beside a CSAF document.
const BESIDE: [&str; 5] = ["type", "urgency", "route", "sectors", "level"];

/// `POST /v1/advisories`.
pub async fn issue(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    let (submission, dry_run) = submission(&hub, &caller, request).await?;
    reports::send(&hub, &caller, submission, dry_run).await
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
    let (submission, dry_run) = submission(&hub, &caller, request).await?;
    let submission = Submission {
        replaces: Some(id),
        ..submission
    };
    reports::send_version(&hub, &caller, submission, dry_run, (expected, present)).await
}

/// What is sent, and whether it is only tried out.
async fn submission(
    hub: &Hub,
    caller: &Caller,
    request: Request,
) -> Result<(Submission, bool), Problem> {
    let known: Vec<&str> = BESIDE.into_iter().chain(["dry_run"]).collect();
    let parameters = Parameters::of(request.uri(), &known)?;
    let dry_run = parameters.flag("dry_run")?;
    let idempotency_key = reports::idempotency_key(request.headers())?;
    let bytes = json_bytes(request, REPORT_BYTES_MAX).await?;
    let submission = Submission {
        idempotency_key,
        ..report_of(hub, caller, bytes, &parameters).await?
    };
    Ok((submission, dry_run))
}

/// The report that was sent, or that a CSAF document makes.
async fn report_of(
    hub: &Hub,
    caller: &Caller,
    bytes: Vec<u8>,
    parameters: &Parameters,
) -> Result<Submission, Problem> {
    // What is no JSON is refused where reports are checked, with the place.
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if Document::is_one(&value) {
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        let beside = Beside {
            kind: text("type"),
            urgency: text("urgency"),
            route: text("route"),
            sectors: parameters.list("sectors"),
            level: None,
        };
        let level = text("level");
        let made = hub
            .exchange
            .submission_of_document(caller, bytes, level, beside);
        return Ok(made.await?);
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
    Ok(Submission {
        bytes,
        ..Submission::default()
    })
}

/// `GET /v1/advisories`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<ReportView>>, Problem> {
    let parameters = Parameters::of(&uri, &["cursor", "limit", "drill"])?;
    let paging = parameters.paging()?;
    let kind = if parameters.flag("drill")? {
        drill::KIND
    } else {
        Kind::Advisory.as_str()
    };
    reports::page(&hub, &caller, paging, vec![kind.to_owned()]).await
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
    let view = reports::view(&hub, &caller).await?;
    hub.exchange.note_opened(&caller, &view, &id).await?;
    Ok(reports::with_tag(advisory))
}

/// `POST /v1/advisories/{id}/pass-on`.
pub async fn pass_on(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Json<PassedOn>, Problem> {
    Parameters::of(request.uri(), &[])?;
    let said = Said {
        idempotency_key: reports::idempotency_key(request.headers())?,
        ..Said::default()
    };
    Ok(Json(hub.exchange.pass_on(&caller, &id, said).await?))
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
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

async fn advisory(hub: &Hub, caller: &Caller, id: &str) -> Result<ReportView, Problem> {
    let view = reports::view(hub, caller).await?;
    hub.exchange
        .report(&view, id)
        .await?
        .filter(|report| report.kind == Kind::Advisory.as_str())
        .ok_or_else(Problem::not_found)
}
