//! The directory as the caller may know it: the caller itself, the bodies, the schemes.
//!
//! Law 4: an operator is listed to the people of its CEPTOAR and to its own, to nobody else; and
//! what a body is recognised by, or has declared of itself, is listed to nobody.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use serde_json::{Map, Value};

use super::extract::{Id, Known, Page, Paging, Parameters};
use super::problem::Problem;
use crate::council::{Body, Localised, Standing};
use crate::exchange::Caller;
use crate::exchange::markings::level_marking_id;
use crate::handling::{BodyId, Capability, Reach, SectorCode};
use crate::http::Hub;

/// The caller, in its own eyes.
#[derive(Debug, Serialize)]
pub struct Whoami {
    principal: String,
    kind: Value,
    body: BodyId,
    body_kind: &'static str,
    roles: BTreeSet<String>,
    places: Vec<Where>,
    capability: Capability,
}

/// A body through whose grant the caller reads, and how far into it.
#[derive(Debug, Serialize)]
struct Where {
    body: BodyId,
    depth: &'static str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    sectors: BTreeSet<SectorCode>,
}

/// `GET /v1/whoami`.
pub async fn whoami(Known(caller): Known, uri: Uri) -> Result<Json<Whoami>, Problem> {
    Parameters::of(&uri, &[])?;
    let places = caller.reader.places.iter().map(|place| {
        let (depth, sectors) = match &place.reach {
            Reach::Poc => ("poc", BTreeSet::new()),
            Reach::Analyst => ("analyst", BTreeSet::new()),
            Reach::Member(sectors) => ("member", sectors.clone()),
        };
        Where {
            body: place.body.clone(),
            depth,
            sectors,
        }
    });
    Ok(Json(Whoami {
        principal: caller.principal.id.to_string(),
        kind: serde_json::to_value(caller.principal.kind)
            .map_err(crate::exchange::Refusal::from)?,
        body: caller.body.id.clone(),
        body_kind: caller.body.kind.word(),
        roles: caller.principal.roles.clone(),
        places: places.collect(),
        capability: caller.reader.capability,
    }))
}

/// A body as others may know it.
#[derive(Debug, Serialize)]
pub struct Listed {
    id: BodyId,
    kind: &'static str,
    name: Localised,
    standing: Standing,
    sectors: BTreeSet<SectorCode>,
    scheme: Option<String>,
    ceptoars: Vec<BodyId>,
}

fn listed(hub: &Hub, caller: &Caller, body: &Body) -> Listed {
    let day = hub.exchange.clock().now().date_naive();
    // An operator of two CEPTOARs is each one's member, and neither learns of the other.
    let own = body.id == caller.body.id;
    let ceptoars = body
        .ceptoars
        .iter()
        .filter(|ceptoar| own || **ceptoar == caller.body.id);
    Listed {
        id: body.id.clone(),
        kind: body.kind.word(),
        name: body.name.clone(),
        standing: body.standing,
        sectors: caller.directory.sectors_of(body, day),
        scheme: body.scheme.clone(),
        ceptoars: ceptoars.cloned().collect(),
    }
}

/// `GET /v1/bodies`.
pub async fn list(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<Listed>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let bodies = caller
        .directory
        .bodies()
        .filter(|body| caller.is_listed(body))
        .map(|body| (body.id.to_string(), body))
        .collect();
    let (page, next) = page_of(&hub, "bodies", bodies, &paging)?;
    let items = page.into_iter().map(|body| listed(&hub, &caller, body));
    Ok(Json(Page {
        items: items.collect(),
        next,
    }))
}

/// `GET /v1/bodies/{id}`.
pub async fn read(
    State(hub): State<Hub>,
    Known(caller): Known,
    Id(id): Id,
    uri: Uri,
) -> Result<Json<Listed>, Problem> {
    Parameters::of(&uri, &[])?;
    caller
        .directory
        .body(&BodyId::from(id))
        .filter(|body| caller.is_listed(body))
        .map(|body| Json(listed(&hub, &caller, body)))
        .ok_or_else(Problem::not_found)
}

/// `GET /v1/schemes`.
pub async fn schemes(
    State(hub): State<Hub>,
    Known(caller): Known,
    uri: Uri,
) -> Result<Json<Page<Value>>, Problem> {
    let paging = Parameters::of(&uri, &["cursor", "limit"])?.paging()?;
    let directory = &caller.directory;
    let schemes = directory
        .schemes(hub.exchange.clock().now().date_naive())
        .into_iter()
        .map(|scheme| (scheme.id.clone(), scheme))
        .collect();
    let (page, next) = page_of(&hub, "schemes", schemes, &paging)?;
    let mut items = Vec::with_capacity(page.len());
    for scheme in page {
        let mut item = object(scheme)?;
        // It is there for `policy combine` alone and binds nobody.
        item.shift_remove("nameless_ministry");
        let mut levels = Vec::with_capacity(scheme.levels.len());
        for level in &scheme.levels {
            let mut entry = object(level)?;
            let marking = level_marking_id(directory, &scheme.id, &level.level);
            entry.insert("marking_id".to_owned(), Value::String(marking));
            levels.push(Value::Object(entry));
        }
        item.insert("levels".to_owned(), Value::Array(levels));
        items.push(Value::Object(item));
    }
    Ok(Json(Page { items, next }))
}

fn object(value: &impl Serialize) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(value).map_err(crate::exchange::Refusal::from)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// One page of a list that the directory holds whole, in the order of its names.
fn page_of<T>(
    hub: &Hub,
    list: &str,
    mut all: Vec<(String, T)>,
    paging: &Paging,
) -> Result<(Vec<T>, Option<String>), Problem> {
    all.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(cursor) = &paging.cursor {
        let after = hub
            .exchange
            .secret()
            .open(list, cursor)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| {
                Problem::parameter("cursor", "is not one this hub gave for this list")
            })?;
        all.retain(|(name, _)| *name > after);
    }
    let more = all.len() > paging.limit;
    all.truncate(paging.limit);
    let next = all
        .last()
        .filter(|_| more)
        .map(|(name, _)| hub.exchange.secret().seal(list, name.as_bytes()));
    Ok((all.into_iter().map(|(_, item)| item).collect(), next))
}
