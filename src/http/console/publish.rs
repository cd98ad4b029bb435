//! The form of a report, with what sending it would do beside it. The preview and the sending are the
//! API's own dry run and publishing; the form only writes the report.

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};

use super::door::query;
use super::draft;
use super::page::{Page, render, render_as};
use super::preview::Shown;
use super::trouble::Trouble;
use super::visit::{Fields, Seated, Sent, once};
use crate::council::BodyKind;
use crate::exchange::publish::Submission;
use crate::exchange::{Fault, Refusal};
use crate::http::Hub;
use crate::report::Kind;

/// A choice of a field.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What it is called.
    pub label: String,
}

/// A form with what was written in it, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Written {
    /// What was written.
    pub fields: Fields,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// The key under which sending it twice sends it once.
    pub once: String,
    /// Levels of the writer's own scheme.
    pub levels: Vec<Choice>,
    /// Operators of the writer's body.
    pub operators: Vec<Choice>,
    /// Sectors the writer's body speaks for.
    pub own_sectors: Vec<Choice>,
    /// Every sector.
    pub sectors: Vec<Choice>,
}

impl Written {
    /// A form of someone, with what was written so far.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn of(
        hub: &Hub,
        seated: &Seated,
        fields: Fields,
        faults: Vec<Fault>,
    ) -> Result<Self, Trouble> {
        let (caller, language) = (seated.caller(), seated.language());
        let (directory, day) = (&caller.directory, hub.exchange.clock().now().date_naive());
        let option = |value: &str, label: &str| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
        };
        let ceptoar = directory.ceptoar_of(&caller.body);
        let scheme = directory.scheme_of(&caller.body.id, day);
        let scheme = scheme.or_else(|| directory.scheme_of(ceptoar, day));
        let levels = scheme.into_iter().flat_map(|scheme| {
            scheme.levels.iter().map(|level| {
                let tlp = level.tlp.to_string();
                let label = if level.level == tlp {
                    tlp
                } else {
                    format!("{}（{tlp}）", level.level)
                };
                option(&format!("{} {}", scheme.id, level.level), &label)
            })
        });
        let own = directory.sectors_of(&caller.body, day);
        let sector = |sector: &crate::council::Sector| {
            option(sector.code.as_str(), language.name(&sector.name))
        };
        let sectors: Vec<Choice> = directory.file().sectors.iter().map(sector).collect();
        let operators = directory.bodies().filter(|body| {
            body.kind == BodyKind::Operator
                && (body.id == caller.body.id || body.ceptoars.contains(&caller.body.id))
        });
        let once = match fields.get("once") {
            "" => once()?,
            once => once.to_owned(),
        };
        Ok(Self {
            once,
            levels: levels.collect(),
            operators: operators
                .map(|body| option(body.id.as_str(), language.name(&body.name)))
                .collect(),
            own_sectors: own
                .iter()
                .filter_map(|code| Some(sector(directory.sector(code)?)))
                .collect(),
            sectors,
            fields,
            faults,
        })
    }

    /// What was written in a field.
    pub fn value(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    /// Whether a choice is made.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.fields.all(name).any(|chosen| chosen == value)
    }

    /// Whether something is wrong with a field.
    pub fn wrong(&self, name: &str) -> bool {
        self.faults
            .iter()
            .any(|fault| draft::field_of(&fault.pointer) == name)
    }

    /// The field of a fault; empty where it is none of the form's.
    pub fn field_of(&self, fault: &Fault) -> &'static str {
        draft::field_of(&fault.pointer)
    }
}

const EVENTS: [&str; 8] = [
    "near_miss",
    "info_leak",
    "info_destruction",
    "system_unavailable",
    "malware_infection",
    "malicious_code_execution",
    "system_intrusion",
    "other_event",
];
const CAUSES: [&str; 17] = [
    "suspicious_mail",
    "id_spoofing",
    "mass_access",
    "info_theft",
    "insider",
    "improper_operation",
    "user_error",
    "user_mgmt_error",
    "suspicious_file_exec",
    "suspicious_site",
    "contractor_mgmt_error",
    "equipment_failure",
    "system_vulnerability",
    "cross_sector_ripple",
    "disaster_disease",
    "other_cause",
    "unknown",
];
const LEVELS: [&str; 6] = ["unknown", "0", "1", "2", "3", "4"];

#[derive(Template)]
#[template(path = "console/publish.html")]
struct Publish {
    p: Page,
    practice: bool,
    written: Written,
    shown: Shown,
    events: [&'static str; 8],
    causes: [&'static str; 17],
    levels: [&'static str; 6],
}

fn kind_of(word: &str) -> Result<Kind, Trouble> {
    match word {
        "" => Ok(Kind::IncidentCause),
        _ if word == Kind::IncidentCause.as_str() => Ok(Kind::IncidentCause),
        _ if word == Kind::BestPractice.as_str() => Ok(Kind::BestPractice),
        _ => Err(Trouble::not_found()),
    }
}

fn form(
    hub: &Hub,
    seated: &Seated,
    (kind, fields): (Kind, Fields),
    shown: Option<Shown>,
) -> Result<Publish, Trouble> {
    let p = Page::of(&seated.visit, "/console/publish");
    let faults = shown
        .as_ref()
        .map(|shown| shown.faults.clone())
        .unwrap_or_default();
    Ok(Publish {
        written: Written::of(hub, seated, fields, faults)?,
        shown: shown.unwrap_or_else(|| Shown::nothing(&p, Vec::new())),
        practice: kind == Kind::BestPractice,
        events: EVENTS,
        causes: CAUSES,
        levels: LEVELS,
        p,
    })
}

/// `GET /console/publish`.
pub async fn ask(State(hub): State<Hub>, seated: Seated, uri: Uri) -> Result<Response, Trouble> {
    let kind = kind_of(&query(&uri, "kind"))?;
    render(&form(&hub, &seated, (kind, Fields::default()), None)?)
}

/// What sending these fields would do, as a part of a page.
///
/// # Errors
/// A refusal that is not about what was written.
pub async fn try_out(hub: &Hub, sent: &Sent, kind: Kind) -> Result<Shown, Trouble> {
    let written = draft::report(kind, &sent.fields);
    let p = Page::of(&sent.by.visit, "");
    let submission = Submission {
        bytes: written.to_string().into_bytes(),
        ..Submission::default()
    };
    match hub.exchange.dry_run(sent.by.caller(), &submission).await {
        Ok(preview) => Ok(Shown::of(&p, &written, preview)),
        Err(Refusal::Invalid(faults) | Refusal::Malformed(faults)) => {
            Ok(Shown::nothing(&p, faults))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /console/publish`: tries it out or sends it, as the button says.
pub async fn send(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let kind = kind_of(sent.fields.get("kind"))?;
    if sent.fields.get("act") != "publish" {
        let shown = try_out(&hub, &sent, kind).await?;
        return render(&form(&hub, &sent.by, (kind, sent.fields), Some(shown))?);
    }
    let submission = Submission {
        bytes: draft::report(kind, &sent.fields).to_string().into_bytes(),
        idempotency_key: sent.fields.said().idempotency_key,
        ..Submission::default()
    };
    match hub.exchange.publish(sent.by.caller(), submission).await {
        Ok(published) => {
            let done = format!("/console/cases/{}?done={}", published.id, published.state);
            Ok(Redirect::to(&done).into_response())
        }
        Err(Refusal::Invalid(faults) | Refusal::Malformed(faults)) => {
            let shown = Shown::nothing(&Page::of(&sent.by.visit, ""), faults);
            let page = form(&hub, &sent.by, (kind, sent.fields), Some(shown))?;
            Ok(render_as(
                axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                &page,
            ))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /console/publish/preview`: the preview alone, for the script that asks as one types.
pub async fn preview(State(hub): State<Hub>, sent: Sent) -> Result<Response, Trouble> {
    let word = sent.fields.get("kind");
    let kind = if word == Kind::Advisory.as_str() {
        Kind::Advisory
    } else {
        kind_of(word)?
    };
    render(&try_out(&hub, &sent, kind).await?)
}
