//! Reminders of an advisory that asks for an answer by a date, and their way up: the contact before
//! the date and on it, then the deputy, then the point of contact of the CEPTOAR.
//!
//! Each stage is a row that is due, so it happens once, whichever hub takes it (law 10). Whom it
//! concerns is looked up when it happens: who has answered by then is left alone.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::arrival::{ANSWERS, Arrival, is_advisory};
use super::publish::Checked;
use super::readers::{Readers, SIDES};
use super::refusal::Refusal;
use super::time::HOUR_MICROS;
use super::withdraw::is_gone;
use super::{Exchange, Tx, record};
use crate::council::body::role;
use crate::council::contact::reachable;
use crate::council::{Body, BodyKind, Directory, Principal, PrincipalKind};
use crate::handling::{Audience, Channel, Form, PrincipalId};
use crate::report::drill;
use crate::store::{Due, ItemVersion};

/// The event of a stage.
pub(super) const REMIND: &str = "remind";

/// Longest time before the date at which the first reminder comes.
const BEFORE_MAX: i64 = 24 * HOUR_MICROS;

/// The stages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    OnDate,
    Deputy,
    Ceptoar,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Before, Self::OnDate, Self::Deputy, Self::Ceptoar];

    const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::OnDate => "on_date",
            Self::Deputy => "deputy",
            Self::Ceptoar => "ceptoar",
        }
    }

    /// When it is, from when the advisory was issued and when the answer is due, in microseconds.
    fn at(self, issued: i64, due: i64, step: i64) -> i64 {
        match self {
            // Never before half of the time is over.
            Self::Before => due - ((due - issued) / 2).min(BEFORE_MAX),
            Self::OnDate => due,
            Self::Deputy => due + step,
            Self::Ceptoar => due + 2 * step,
        }
    }
}

/// How long a stage is given before the next, in microseconds.
fn step(advisory: &Value) -> i64 {
    match advisory.get("urgency").and_then(Value::as_str) {
        Some("emergency") => HOUR_MICROS,
        Some("urgent") => 4 * HOUR_MICROS,
        _ => 24 * HOUR_MICROS,
    }
}

/// Whether a body still owes what the advisory asks: a request or an inquiry an answer, anything
/// else an acknowledgement.
fn owes(advisory: &Value, arrival: &Arrival) -> bool {
    let kind = advisory.get("type").and_then(Value::as_str);
    if matches!(kind, Some("action_request" | "rfi")) {
        let answered = arrival.answer.as_ref();
        return !answered.is_some_and(|(said, _)| ANSWERS.contains(&said.kind));
    }
    arrival.acknowledged.is_none()
}

/// Whom to turn to in a body at an instant, in order: its contacts, else its points of contact, else
/// its readers.
fn contacts<'a>(directory: &'a Directory, body: &Body, at: DateTime<Utc>) -> Vec<&'a PrincipalId> {
    if !body.contacts.is_empty() {
        let now = reachable(&body.contacts, body.business_hours.as_ref(), at);
        let all = body.contacts.iter().map(|contact| &contact.principal);
        // Nobody answers now: a notice waits better with them all than with nobody.
        let chosen: Vec<&PrincipalId> = if now.is_empty() { all.collect() } else { now };
        let known = chosen.into_iter().filter_map(|id| directory.principal(id));
        return known.map(|principal| &principal.id).collect();
    }
    let with = |role: &str| -> Vec<&'a PrincipalId> {
        let all = directory.principals().filter(|principal| {
            principal.body == body.id
                && principal.kind == PrincipalKind::Person
                && principal.has(role)
        });
        all.map(|principal| &principal.id).collect()
    };
    let pocs = with(role::POC);
    if pocs.is_empty() {
        with(role::MEMBER)
    } else {
        pocs
    }
}

/// The persons of a stage for one body: one of its contacts, or who is above it.
fn persons<'a>(
    directory: &'a Directory,
    body: &Body,
    stage: Stage,
    at: DateTime<Utc>,
) -> Vec<&'a PrincipalId> {
    let own = contacts(directory, body, at);
    let above = || -> Vec<&'a PrincipalId> {
        let ceptoar = directory.body(directory.ceptoar_of(body));
        let own = ceptoar.filter(|ceptoar| ceptoar.kind == BodyKind::Ceptoar);
        own.map(|ceptoar| contacts(directory, ceptoar, at))
            .unwrap_or_default()
    };
    let place = match stage {
        Stage::Before | Stage::OnDate => 0,
        Stage::Deputy => 1,
        Stage::Ceptoar => return above(),
    };
    match own.get(place) {
        Some(person) => vec![*person],
        None => above(),
    }
}

impl Exchange {
    /// Puts the stages of an advisory with a date on the list.
    pub(super) async fn plan_reminders(
        &self,
        tx: &mut Tx,
        key: i64,
        checked: &Checked,
        now: i64,
    ) -> Result<(), Refusal> {
        let advisory = checked.report.to_value().get("advisory");
        let Some((advisory, due)) = advisory.zip(date(advisory)) else {
            return Ok(());
        };
        if due <= now {
            return Ok(());
        }
        for stage in Stage::ALL {
            tx.add_due(&Due {
                at: stage.at(now, due, step(advisory)),
                item_version: key,
                event: REMIND.to_owned(),
                subject: stage.word().to_owned(),
            })
            .await?;
        }
        Ok(())
    }

    /// Reminds those who still owe an answer.
    pub(super) async fn remind(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        event: &Due,
    ) -> Result<(), Refusal> {
        let stage = Stage::ALL
            .into_iter()
            .find(|stage| stage.word() == event.subject);
        let latest = tx.latest_version(&version.value.item).await?;
        let present = latest.is_some_and(|latest| latest.key == version.key);
        let (Some(stage), true, false, true) =
            (stage, present, is_gone(version), is_advisory(version))
        else {
            return Ok(());
        };
        let ends = self.ends(tx, &version.value.item).await?;
        let (directory, now) = (self.directory(), self.clock().now_micros());
        let arrivals = self.arrivals(tx, &directory, version).await?;
        let due = arrivals
            .advisory
            .get("due")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let marked = if version.value.kind == drill::KIND {
            "【訓練】[DRILL] "
        } else {
            ""
        };
        let reason = format!("{marked}an answer is asked for by {due}:");
        for (id, arrival) in &arrivals.bodies {
            let Some(body) = directory
                .body(id)
                .filter(|_| owes(&arrivals.advisory, arrival))
            else {
                continue;
            };
            for (person, had) in self.reading(tx, &directory, body, stage, version).await? {
                let mut over = false;
                for (by, _) in &ends {
                    over |= self.known_as(tx, &directory, person, by).await?.is_some();
                }
                if over {
                    continue; // who has what ended it waits for nothing
                }
                let objects = [&had];
                // One above may be told of several bodies: each is a notice of its own.
                let of = format!("{} ({})", body.id, stage.word());
                self.tell(
                    tx,
                    version.key,
                    person.id.as_str(),
                    ("reminder", &of),
                    json!(objects),
                    (&reason, now),
                )
                .await?;
                let reminded = json!({
                    "decision": "reminder", "object": had, "body": body.id, "to": person.id,
                    "stage": stage.word(),
                });
                let mut parties = vec![body.id.as_str(), person.body.as_str()];
                parties.dedup();
                record(tx, now, &parties, &reminded).await?;
            }
        }
        Ok(())
    }

    /// Whom to remind of a version for a body, each with the id it has there: those of the stage who
    /// read it, else the next who does. Who may not read it is told nothing of it.
    async fn reading<'a>(
        &self,
        tx: &mut Tx,
        directory: &'a Directory,
        body: &Body,
        stage: Stage,
        version: &ItemVersion,
    ) -> Result<Vec<(&'a Principal, String)>, Refusal> {
        let at = self.clock().now();
        let first = persons(directory, body, stage, at);
        let wanted = first.len();
        let others = contacts(directory, body, at).into_iter();
        let others = others.chain(persons(directory, body, Stage::Ceptoar, at));
        let mut reading = Vec::new();
        for (place, id) in first.into_iter().chain(others).enumerate() {
            if place >= wanted && !reading.is_empty() {
                break;
            }
            let Some(person) = directory.principal(id) else {
                continue;
            };
            let had = self.known_as(tx, directory, person, version).await?;
            reading.extend(had.map(|had| (person, had)));
        }
        Ok(reading)
    }

    /// The STIX id under which somebody reads a version; none where it is not read.
    async fn known_as(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        who: &Principal,
        version: &ItemVersion,
    ) -> Result<Option<String>, Refusal> {
        let now = self.clock().now();
        let Some(reader) = directory.reader(who, now) else {
            return Ok(None);
        };
        let readers = Readers::of(tx, version.key).await?;
        for form in [Form::Identified, Form::Anonymised] {
            for number in SIDES.iter().flat_map(|side| readers.of_form(side, form)) {
                let Some(definition) = tx.definition(number).await? else {
                    continue;
                };
                let audience: Audience = serde_json::from_str(&definition)?;
                if audience.admits(&reader, Channel::Console, now) {
                    let objects = tx.objects_of(version.key).await?;
                    let tie = objects
                        .into_iter()
                        .map(|(_, object)| object)
                        .find(|object| object.form == form.word() && object.report.is_some());
                    return Ok(tie.map(|object| object.stix_id));
                }
            }
        }
        Ok(None)
    }
}

/// Until when an answer is asked for, in microseconds.
fn date(advisory: Option<&Value>) -> Option<i64> {
    let due = advisory?.get("due")?.as_str()?;
    let due = DateTime::parse_from_rfc3339(due).ok()?;
    Some(due.timestamp_micros())
}
