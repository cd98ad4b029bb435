//! What is known of the arrival of one version: whom it concerns, and of each body when it was handed
//! over, opened and acknowledged, and what it answered. Whom that is told is decided in the board.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::feedback::{Feedback, FeedbackKind};
use super::publish::stored_rule;
use super::readers::Readers;
use super::refusal::Refusal;
use super::{Exchange, Tx};
use crate::council::{Body, BodyKind, Directory, PrincipalKind};
use crate::handling::{Audience, BodyId, Channel, Form};
use crate::report::{Kind, drill};
use crate::store::ItemVersion;

/// What counts as an answer, in the order in which a board lists them.
pub const ANSWERS: [FeedbackKind; 5] = [
    FeedbackKind::Applicable,
    FeedbackKind::NotApplicable,
    FeedbackKind::UnderStudy,
    FeedbackKind::ActionTaken,
    FeedbackKind::Prevented,
];

/// Of one body; instants in microseconds, each the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrival {
    /// Handed over to anybody of the body, person or service.
    pub delivered: Option<i64>,
    /// Opened by a person.
    pub opened: Option<i64>,
    /// Acknowledged or answered by a person.
    pub acknowledged: Option<i64>,
    /// What a person of it answered last.
    pub answer: Option<(Feedback, i64)>,
}

impl Arrival {
    fn first(slot: &mut Option<i64>, at: i64) {
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }

    /// How far it got: what was acknowledged was opened, and what was opened was handed over.
    fn settle(&mut self) {
        if let Some(at) = self.acknowledged {
            Self::first(&mut self.opened, at);
        }
        if let Some(at) = self.opened {
            Self::first(&mut self.delivered, at);
        }
    }
}

/// An advisory, and what is known of its arrival.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    /// When it was first out, in microseconds.
    pub issued: i64,
    /// The `advisory` member of the report as it was issued.
    pub advisory: Value,
    /// Every body it concerns and that may read it.
    pub bodies: BTreeMap<BodyId, Arrival>,
}

/// The kinds that are advisories.
pub(super) const ADVISORIES: [&str; 2] = [Kind::Advisory.as_str(), drill::KIND];

/// Whether a version is an advisory, drill or not.
pub(super) fn is_advisory(version: &ItemVersion) -> bool {
    ADVISORIES.contains(&version.value.kind.as_str())
}

/// The advisory as it was issued: the report's own member.
pub(super) async fn as_issued(tx: &mut Tx, key: i64) -> Result<Value, Refusal> {
    for (_, object) in tx.objects_of(key).await? {
        if let (Some(report), true) = (&object.report, object.form == Form::Identified.word()) {
            let mut report: Value = serde_json::from_str(report)?;
            return Ok(report
                .get_mut("advisory")
                .map(Value::take)
                .unwrap_or_default());
        }
    }
    Ok(Value::Null)
}

/// Whether an advisory is for a body: named itself, or its CEPTOAR, or one of its sectors. Where it
/// names neither bodies nor sectors it is for all. What asset classes, products and regions a body
/// has the directory does not know: that is for its people to say.
pub(super) fn concerns(
    directory: &Directory,
    advisory: &Value,
    body: &Body,
    at: DateTime<Utc>,
) -> bool {
    let list = |name: &str| -> Option<BTreeSet<&str>> {
        let listed = advisory.pointer(&format!("/targets/{name}"))?.as_array()?;
        Some(listed.iter().filter_map(Value::as_str).collect())
    };
    let (sectors, bodies) = (list("sectors"), list("bodies"));
    if sectors.is_none() && bodies.is_none() {
        return true;
    }
    let named = bodies.is_some_and(|named| {
        named.contains(body.id.as_str())
            || body.ceptoars.iter().any(|of| named.contains(of.as_str()))
    });
    named
        || sectors.is_some_and(|sectors| {
            let own = directory.sectors_of(body, at.date_naive());
            own.iter().any(|own| sectors.contains(own.as_str()))
        })
}

/// Who was handed a version, or told of it by a delivery that was taken, and when, in microseconds.
async fn delivered(tx: &mut Tx, key: i64, stamps: &[i64]) -> Result<Vec<(String, i64)>, Refusal> {
    let mut delivered = tx.told(key).await?;
    let had = tx.who_had(stamps).await?;
    delivered.extend(had.into_iter().map(|(who, at, _)| (who, at)));
    Ok(delivered)
}

impl Exchange {
    /// What is known of the arrival of a version.
    pub(super) async fn arrivals(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
    ) -> Result<Arrivals, Refusal> {
        let advisory = as_issued(tx, version.key).await?;
        let entries = tx.entries_of(version.key).await?;
        let stamps: Vec<i64> = entries.into_iter().map(|(stamp, _)| stamp).collect();
        let issued = stamps.iter().min().copied();
        let mut bodies = self.concerned(tx, directory, version, &advisory).await?;
        let persons = |who: &str| {
            let principal = directory.principal(&who.into())?;
            Some((&principal.body, principal.kind == PrincipalKind::Person))
        };
        for (who, at) in delivered(tx, version.key, &stamps).await? {
            let body = persons(&who).and_then(|(body, _)| bodies.get_mut(body));
            if let Some(arrival) = body {
                Arrival::first(&mut arrival.delivered, at);
            }
        }
        for (who, at) in tx.opened(version.key).await? {
            let body = persons(&who).and_then(|(body, _)| bodies.get_mut(body));
            if let Some(arrival) = body {
                Arrival::first(&mut arrival.opened, at);
            }
        }
        for row in tx.feedback_on(version.key).await? {
            let person = persons(&row.principal).is_some_and(|(_, person)| person);
            let kind = FeedbackKind::of(&row.kind);
            let (Some(arrival), Some(kind), true) = (
                bodies.get_mut(&BodyId::from(row.body.as_str())),
                kind,
                person,
            ) else {
                continue;
            };
            if kind == FeedbackKind::Ack || ANSWERS.contains(&kind) {
                Arrival::first(&mut arrival.acknowledged, row.at);
            }
            if ANSWERS.contains(&kind) {
                let said = serde_json::from_str(&row.content);
                let said = said.unwrap_or_else(|_| Feedback::new(kind, None));
                arrival.answer = Some((said, row.at));
            }
        }
        for arrival in bodies.values_mut() {
            arrival.settle();
        }
        Ok(Arrivals {
            issued: issued.unwrap_or(version.value.received_at),
            advisory,
            bodies,
        })
    }

    /// The CEPTOARs and operators that a version concerns and of which a person may read it.
    async fn concerned(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        advisory: &Value,
    ) -> Result<BTreeMap<BodyId, Arrival>, Refusal> {
        let mut now = self.clock().now();
        if let Some(until) = stored_rule(version)?.access.not_after {
            // Once it has expired, those who could read it until then are asked about.
            now = now.min(until - TimeDelta::microseconds(1));
        }
        let mut audiences: Vec<Audience> = Vec::new();
        for number in Readers::of(tx, version.key).await?.all() {
            if let Some(definition) = tx.definition(number).await? {
                audiences.push(serde_json::from_str(&definition)?);
            }
        }
        let mut bodies = BTreeMap::new();
        for principal in directory.principals() {
            let Some(body) = directory.body(&principal.body) else {
                continue;
            };
            let hop = matches!(body.kind, BodyKind::Ceptoar | BodyKind::Operator);
            let source = version.value.submitter_body == body.id.as_str();
            if !hop
                || source
                || principal.kind != PrincipalKind::Person
                || bodies.contains_key(&body.id)
                || !concerns(directory, advisory, body, now)
            {
                continue;
            }
            let Some(reader) = directory.reader(principal, now) else {
                continue;
            };
            let reads = |audience: &Audience| audience.admits(&reader, Channel::Console, now);
            if audiences.iter().any(reads) {
                bodies.insert(body.id.clone(), Arrival::default());
            }
        }
        Ok(bodies)
    }
}
