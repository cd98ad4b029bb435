//! Posted STIX objects: each an item of its own, checked and handled like any other.

use serde_json::{Value, json};

use super::access::Caller;
use super::anonymity;
use super::gate::View;
use super::intake::{Handled, handle, origin};
use super::markings::asked_by_object;
use super::publish::{Draft, created_of, new_version, stored_rule};
use super::read::PAGE_MAX;
use super::refusal::{Fault, Refusal};
use super::release::{Clash, STANDIN, new_object};
use super::renditions::{Renditions, stand_in};
use super::supports::{self, supports};
use super::{Exchange, Tx};
use crate::council::body::role;
use crate::handling::{Channel, Form};
use crate::stix::json::{Limits, split_envelope};
use crate::stix::{Class, StixId, Violation, marking, validate};
use crate::store::feed::{Query, Versions};
use crate::store::{ItemVersion, NewObject};

/// The largest envelope: TAXII's `max_content_length`.
pub const ENVELOPE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// What became of one posted object.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its id, as posted.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Why it was not taken; none is success. A hold is no failure.
    pub faults: Vec<Fault>,
}

/// One object, checked against everything that needs no database.
struct Ready {
    at: usize,
    value: Value,
    raw: String,
    id: StixId,
    handled: Handled,
}

impl Exchange {
    /// Takes an envelope or bundle, and answers for each object.
    ///
    /// # Errors
    /// When the whole cannot be read, or the caller may not publish.
    pub async fn publish_objects(
        &self,
        caller: &Caller,
        bytes: &[u8],
    ) -> Result<Vec<Outcome>, Refusal> {
        if !caller.has(role::PUBLISHER) && !caller.has(role::ADVISOR) {
            return Err(Refusal::Forbidden(
                "publishing needs the role `publisher`".to_owned(),
            ));
        }
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(Refusal::TooLarge {
                limit: ENVELOPE_BYTES_MAX,
            });
        }
        let limits = Limits {
            bytes_max: ENVELOPE_BYTES_MAX,
            ..Limits::default()
        };
        let envelope = split_envelope(bytes, &limits)
            .map_err(|fault| Refusal::Malformed(vec![fault.into()]))?;
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut ready: Vec<Ready> = Vec::new();
        for (at, object) in envelope.objects.into_iter().enumerate() {
            let place = format!("/objects/{at}");
            let value = match object.value {
                Ok(value) => value,
                Err(fault) => {
                    outcomes.push(failed("unreadable", "", &place, vec![fault.into()]));
                    continue;
                }
            };
            let text = |name: &str| {
                value
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (id, version) = (
                text("id"),
                new_object(Form::Identified, &value, String::new()).version,
            );
            outcomes.push(Outcome {
                id,
                version,
                faults: Vec::new(),
            });
            match self.examine(caller, &value) {
                Ok(None) => {}
                Ok(Some((id, handled))) => ready.push(Ready {
                    at,
                    raw: object.raw.to_owned(),
                    value,
                    id,
                    handled,
                }),
                Err(Refusal::Invalid(faults)) => {
                    if let Some(outcome) = outcomes.last_mut() {
                        outcome.faults = faults
                            .into_iter()
                            .map(|fault| placed(&place, fault))
                            .collect();
                    }
                }
                Err(other) => return Err(other),
            }
        }
        let view = self.view(Some(caller), Channel::Taxii).await?;
        let (exchange, poster) = (self.clone(), caller.clone());
        let taken = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    let batch = match ready.first() {
                        None => return Ok(Vec::new()),
                        Some(first) => {
                            let origin = first.handled.origin.clone();
                            let objects = ready.iter().map(|item| (item.at, item.value.clone()));
                            let objects = objects.collect();
                            Renditions::make(&exchange, tx, &poster, &origin, objects).await?
                        }
                    };
                    let mut taken = Vec::with_capacity(ready.len());
                    for item in ready {
                        let at = item.at;
                        match exchange.take(tx, &poster, &view, &batch, item).await {
                            Ok(()) => taken.push((at, Vec::new())),
                            Err(Refusal::Invalid(faults)) => taken.push((at, faults)),
                            Err(other) => return Err(other),
                        }
                    }
                    Ok(taken)
                })
            })
            .await?;
        for (at, faults) in taken {
            if let Some(outcome) = outcomes.get_mut(at) {
                let place = format!("/objects/{at}");
                outcome.faults = faults
                    .into_iter()
                    .map(|fault| placed(&place, fault))
                    .collect();
            }
        }
        let faults: Vec<Fault> = outcomes
            .iter()
            .flat_map(|outcome| outcome.faults.clone())
            .collect();
        self.note_refusal(caller, &faults).await?;
        Ok(outcomes)
    }

    /// Checks one object; `None` where there is nothing to store, since the hub serves it itself.
    fn examine(
        &self,
        caller: &Caller,
        value: &Value,
    ) -> Result<Option<(StixId, Handled)>, Refusal> {
        validate(value).map_err(|found: Vec<Violation>| {
            Refusal::Invalid(found.into_iter().map(Fault::from).collect())
        })?;
        let id = value
            .get("id")
            .and_then(Value::as_str)
            .and_then(StixId::parse)
            .ok_or_else(|| Refusal::fault("/id", "STIX 2.9", "the object has no STIX id"))?;
        if marking::is_published(&id) {
            return Ok(None);
        }
        let now = self.clock().now();
        let from = origin(caller, None, None, &[], now)?;
        self.foreign_creator(caller, value)?;
        let asked = asked_by_object(caller, value, now.date_naive())?;
        let handled = handle(caller, from, &asked, "/object_marking_refs", now)?;
        Ok(Some((id, handled)))
    }

    /// STIX 3.5: only its creator makes versions of an object; so nobody posts under another body's
    /// identity, as the hub gave it out.
    fn foreign_creator(&self, caller: &Caller, value: &Value) -> Result<(), Refusal> {
        let Some(creator) = value.get("created_by_ref").and_then(Value::as_str) else {
            return Ok(());
        };
        let foreign = caller.directory.bodies().any(|body| {
            let own = body.id == caller.body.id || body.ceptoars.contains(&caller.body.id);
            let name = body.name.ja_or_en();
            !own && self
                .secret()
                .stix_id("identity", "identity", &["body", body.id.as_str(), name])
                == creator
        });
        let hubs = supports::minted_identities(self.secret(), &caller.directory);
        if foreign || hubs.iter().any(|id| id == creator) {
            return Err(Refusal::fault(
                "/created_by_ref",
                "STIX 3.5",
                "the object is another body's",
            ));
        }
        Ok(())
    }

    async fn take(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        view: &View,
        batch: &Renditions,
        item: Ready,
    ) -> Result<(), Refusal> {
        let Ready {
            value,
            raw,
            id,
            mut handled,
            at,
        } = item;
        let mut object = new_object(Form::Identified, &value, raw);
        let name = format!("{} {id}", caller.body.id);
        let previous = tx.latest_version(&name).await?;
        let mut late = false;
        if let Some(previous) = &previous {
            match self.against_own(tx, previous, &value, &object).await? {
                Against::Duplicate => return Ok(()),
                Against::Newer => {}
                Against::Late => late = true,
            }
        } else {
            self.against_visible(tx, view, &id, &object).await?;
        }
        let now = self.clock().now_micros();
        if let (Some(newest), true) = (&previous, late) {
            handled.narrow(&stored_rule(newest)?);
        }
        let version = previous
            .as_ref()
            .map_or(1, |previous| previous.value.version + 1);
        let mut objects = Vec::new();
        let rule = handled.resolved.rule.clone();
        let owner = caller.body.id.as_str();
        let needs_rendition = handled.forms().contains(&Form::Anonymised);
        let same = tx
            .same_version(&object.stix_id, object.version_at, &name)
            .await?;
        let clash = if same.is_empty() {
            Clash::Free
        } else if same.iter().all(|(digest, _)| *digest == object.digest) {
            Clash::Same
        } else {
            Clash::Other
        };
        if needs_rendition || clash == Clash::Other {
            let goes_with = supports(
                self.secret(),
                &caller.directory,
                &handled.origin,
                &rule,
                Form::Anonymised,
            );
            let minted = self.secret().rendition_id(owner, &id);
            let created = match tx.first_bytes(minted.as_str()).await? {
                Some(first) => created_of(&first),
                None => None,
            };
            if let Some(rendition) =
                batch.get(at, &goes_with.creator_id, &goes_with.marking_refs, created)
            {
                let mut findings = batch.check(&rendition);
                if needs_rendition {
                    let day = self.clock().now().date_naive();
                    let (directory, origin) = (&caller.directory, &handled.origin);
                    findings.extend(anonymity::small_group(
                        directory, origin, &rule, &rendition, day,
                    ));
                    anonymity::hold(&mut handled, &findings);
                    objects.push(new_object(
                        Form::Anonymised,
                        &rendition,
                        rendition.to_string(),
                    ));
                }
                // Without findings only, and never held for them: a hold would tell that somebody
                // else posted this id (law 4).
                if clash == Clash::Other && findings.is_empty() {
                    let stands_in = stand_in(self.secret(), owner, &id, &rendition);
                    let mut stored =
                        new_object(Form::Anonymised, &stands_in, stands_in.to_string());
                    stored.form = STANDIN.to_owned();
                    stored.version_at = object.version_at; // found by the version it stands in for
                    objects.push(stored);
                }
            }
        }
        object.form = Form::Identified.word().to_owned();
        objects.insert(0, object);
        let draft = Draft {
            item: new_version(caller, &handled, name, version, "stix", None, now)?,
            handled,
            objects,
            clash,
            late,
            strips: None,
        };
        self.write_draft(tx, &caller.directory, draft, previous.as_ref(), now)
            .await?;
        Ok(())
    }

    /// STIX 3.6 against what the same source posted before under this id.
    async fn against_own(
        &self,
        tx: &mut Tx,
        previous: &ItemVersion,
        value: &Value,
        object: &NewObject,
    ) -> Result<Against, Refusal> {
        let mut newest = i64::MIN;
        for key in tx.versions_of(&previous.value.item).await? {
            let version = tx.item_version(key).await?;
            // What was taken back and is posted again is a new release.
            let gone = version.is_some_and(|version| super::withdraw::is_gone(&version));
            for (_, earlier) in tx.objects_of(key).await? {
                if earlier.form != "identified" {
                    continue;
                }
                if earlier.digest == object.digest && gone {
                    continue;
                }
                if earlier.digest == object.digest {
                    return Ok(Against::Duplicate);
                }
                let observable = value.get("created").is_none();
                if earlier.version_at == object.version_at && !observable {
                    return Err(Refusal::fault(
                        "/modified",
                        "STIX 3.6",
                        format!(
                            "version {} was posted before with other content",
                            object.version
                        ),
                    ));
                }
                // One whose retention is over has no content left to look into.
                let revoked: Value = serde_json::from_str(&earlier.bytes).unwrap_or_default();
                if revoked.get("revoked") == Some(&json!(true))
                    && object.version_at > earlier.version_at
                {
                    return Err(Refusal::fault(
                        "/modified",
                        "STIX 3.6",
                        "the object was revoked; it has no later version",
                    ));
                }
                newest = newest.max(earlier.version_at);
            }
        }
        Ok(if object.version_at < newest {
            Against::Late
        } else {
            Against::Newer
        })
    }

    /// STIX 3.5 against another source's object of this id, as far as the caller sees it. One that
    /// is hidden from the caller changes nothing (law 4).
    async fn against_visible(
        &self,
        tx: &mut Tx,
        view: &View,
        id: &StixId,
        object: &NewObject,
    ) -> Result<(), Refusal> {
        if matches!(id.class(), Class::Sco) {
            return Ok(());
        }
        let query = Query {
            limit: PAGE_MAX,
            ids: vec![id.to_string()],
            versions: Versions::All,
            ..Query::default()
        };
        let (seen, _) = tx.page(&view.scope, &query).await?;
        // What the hub minted, or serves beside others' items, is the hub's, whichever version.
        let minted = seen
            .iter()
            .any(|entry| entry.form != Form::Identified.word() || entry.side == "support");
        let same = seen
            .iter()
            .any(|entry| entry.version_at == object.version_at);
        if seen.is_empty() || same && !minted {
            return Ok(());
        }
        Err(Refusal::fault(
            "/id",
            "STIX 3.5",
            "the object is another body's; only its creator makes versions of it",
        ))
    }

    /// How the objects of an item stand to others' under the same ids, when it is released later.
    pub(super) async fn clash_of(
        &self,
        tx: &mut Tx,
        item: &str,
        keyed: &[(i64, NewObject)],
    ) -> Result<Clash, Refusal> {
        for (_, object) in keyed
            .iter()
            .filter(|(_, object)| object.form == "identified")
        {
            let same = tx
                .same_version(&object.stix_id, object.version_at, item)
                .await?;
            if !same.is_empty() {
                return Ok(Clash::Same);
            }
        }
        Ok(Clash::Free)
    }
}

enum Against {
    Duplicate,
    Newer,
    Late,
}

fn failed(id: &str, version: &str, place: &str, faults: Vec<Fault>) -> Outcome {
    Outcome {
        id: id.to_owned(),
        version: version.to_owned(),
        faults: faults
            .into_iter()
            .map(|fault| placed(place, fault))
            .collect(),
    }
}

fn placed(place: &str, fault: Fault) -> Fault {
    Fault {
        pointer: format!("{place}{}", fault.pointer),
        ..fault
    }
}
