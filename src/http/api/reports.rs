//! Reports: publish, try out, list, read, and for the source's desk the reasons.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::extract::{Id, Known, Page, Paging, Parameters, json_bytes};
use super::problem::Problem;
use crate::exchange::publish::{Published, REPORT_BYTES_MAX, Submission};
use crate::exchange::read::{Explanation, Listing, ReportView};
use crate::exchange::{Caller, Refusal, View};
use crate::handling::Channel;
use crate::http::Hub;
use crate::report::{Kind, drill};

/// STIX 2.1's own media type.
const STIX: &str = "application/stix+json;version=2.1";

/// Longest `Idempotency-Key`, in bytes: room for any UUID or hash, and no store for content.
const IDEMPOTENCY_KEY_MAX: usize = 255;

pub(super) async fn view(hub: &Hub, caller: &Caller) -> Result<View, Problem> {
    Ok(hub.exchange.view(Some(caller), Channel::Rest).await?)
}

/// `POST /v1/reports`.
pub async fn publish(
    State(hub): State<Hub>,
    Known(caller): Known,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(request.uri(), &["dry_run", "generalises", "derived_from"])?;
    let dry_run = parameters.flag("dry_run")?;
    let generalises = parameters.get("generalises").map(str::to_owned);
    let derived_from = parameters.list("derived_from");
    let idempotency_key = idempotency_key(request.headers())?;
    let bytes = json_bytes(request, REPORT_BYTES_MAX).await?;
    if let Some(id) = &generalises {
        // Also a dry run answers as publishing would.
        desk_version(&hub, &caller, id).await?;
    }
    let submission = Submission {
        bytes,
        generalises,
        derived_from,
        idempotency_key,
        ..Submission::default()
    };
    send(&hub, &caller, submission, dry_run).await
}

/// Publishes, or tells what publishing would do.
pub(super) async fn send(
    hub: &Hub,
    caller: &Caller,
    submission: Submission,
    dry_run: bool,
) -> Result<Response, Problem> {
    if dry_run {
        let preview = hub.exchange.dry_run(caller, &submission).await?;
        return Ok(Json(preview).into_response());
    }
    accepted(hub.exchange.publish(caller, submission).await?)
}

/// `POST /v1/reports/{id}/versions`.
pub async fn publish_version(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(request.uri(), &["dry_run"])?;
    let dry_run = parameters.flag("dry_run")?;
    let idempotency_key = idempotency_key(request.headers())?;
    let expected = if_match(request.headers())?;
    let present = desk_version(&hub, &caller, &id).await?;
    let bytes = json_bytes(request, REPORT_BYTES_MAX).await?;
    let submission = Submission {
        bytes,
        replaces: Some(id),
        idempotency_key,
        ..Submission::default()
    };
    send_version(&hub, &caller, submission, dry_run, (expected, present)).await
}

/// Publishes a version where the `expected` one is the present one, or tells what that would do.
pub(super) async fn send_version(
    hub: &Hub,
    caller: &Caller,
    submission: Submission,
    dry_run: bool,
    (expected, present): (Option<i64>, i64),
) -> Result<Response, Problem> {
    if dry_run {
        if expected.is_some_and(|expected| expected != present) {
            return Err(Problem::precondition());
        }
        return send(hub, caller, submission, true).await;
    }
    match hub.exchange.revise(caller, submission, expected).await? {
        Some(published) => accepted(published),
        None => Err(Problem::precondition()),
    }
}

/// The present version of a report of the caller's desk.
pub(super) async fn desk_version(hub: &Hub, caller: &Caller, id: &str) -> Result<i64, Problem> {
    let view = view(hub, caller).await?;
    hub.exchange
        .report(&view, id)
        .await?
        .and_then(|report| report.desk)
        .map(|desk| desk.version)
        .ok_or_else(Problem::not_found)
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str().map(str::trim) {
        Ok(key) if (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::parameter(
            "Idempotency-Key",
            "is 1 to 255 visible characters",
        )),
    }
}

/// The version that `If-Match` names; `*` is any, an absent header asks for nothing.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // RFC 9110 §13.1.1 compares strongly, so a weak tag never matches; no report has version 0.
    Ok(Some(
        text.strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
    ))
}

fn accepted(published: Published) -> Result<Response, Problem> {
    let status = match published.state.as_str() {
        "released" => StatusCode::CREATED,
        _ => StatusCode::ACCEPTED,
    };
    let location = format!("/v1/reports/{}", published.id);
    Ok((status, [(header::LOCATION, location)], Json(published)).into_response())
}

/// `GET /v1/reports`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<ReportView>>, Problem> {
    let parameters = Parameters::of(&uri, &["cursor", "limit", "kind", "drill"])?;
    let paging = parameters.paging()?;
    let kinds = match (parameters.flag("drill")?, parameters.get("kind")) {
        (true, _) => vec![drill::KIND.to_owned()],
        (false, Some(kind)) => vec![kind.to_owned()],
        // Every kind but drills, which never mix with what is real.
        (false, None) => Kind::ALL.map(|kind| kind.as_str().to_owned()).to_vec(),
    };
    page(&hub, &caller, paging, kinds).await
}

/// A page of what the caller may see, of some kinds.
pub(super) async fn page(
    hub: &Hub,
    caller: &Caller,
    paging: Paging,
    kinds: Vec<String>,
) -> Result<Json<Page<ReportView>>, Problem> {
    let listing = Listing {
        limit: paging.limit,
        kinds,
    };
    let view = view(hub, caller).await?;
    let (items, next) = hub
        .exchange
        .reports(&view, paging.cursor.as_deref(), &listing)
        .await?;
    Ok(Json(Page { items, next }))
}

/// `GET /v1/reports/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let view = view(&hub, &caller).await?;
    let report = hub
        .exchange
        .report(&view, &id)
        .await?
        .ok_or_else(Problem::not_found)?;
    if report.kind == Kind::Advisory.as_str() {
        hub.exchange.note_opened(&caller, &view, &id).await?;
    }
    Ok(with_tag(report))
}

/// A report with its version as the tag, where the reader is at its desk.
pub(super) fn with_tag(report: ReportView) -> Response {
    let tag = report
        .desk
        .as_ref()
        .and_then(|desk| HeaderValue::try_from(format!("\"{}\"", desk.version)).ok());
    let mut response = Json(report).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[derive(Serialize)]
struct Bundle {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    objects: Vec<Box<RawValue>>,
}

/// `GET /v1/reports/{id}/stix`.
pub async fn stix(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::of(&uri, &[])?;
    let bundle = bundle(&hub, &caller, &id).await?;
    bundle.ok_or_else(Problem::not_found)
}

/// The STIX form of a report as this caller takes it; `None` where the caller takes no copy.
pub(in crate::http) async fn bundle(
    hub: &Hub,
    caller: &Caller,
    id: &str,
) -> Result<Option<Response>, Refusal> {
    let view = hub.exchange.view(Some(caller), Channel::Rest).await?;
    let Some(entries) = hub.exchange.report_objects(&view, id).await? else {
        return Ok(None);
    };
    let objects = entries
        .into_iter()
        .map(|entry| RawValue::from_string(entry.bytes))
        .collect::<Result<_, _>>()?;
    let reader = caller.principal.id.as_str();
    let secret = hub.exchange.secret();
    let bundle = secret.stix_id("bundle", "bundle", &[id, reader]);
    Ok(Some(bundled(bundle, objects)))
}

/// Objects as a bundle.
pub(in crate::http) fn bundled(id: String, objects: Vec<Box<RawValue>>) -> Response {
    let bundle = Bundle {
        kind: "bundle",
        id,
        objects,
    };
    let mut response = Json(bundle).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(STIX));
    response
}

/// `GET /v1/reports/{id}/explain`.
pub async fn explain(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Explanation>, Problem> {
    Parameters::of(&uri, &[])?;
    let view = view(&hub, &caller).await?;
    hub.exchange
        .explain(&view, &id)
        .await?
        .map(Json)
        .ok_or_else(Problem::not_found)
}
