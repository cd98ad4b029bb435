//! Posted STIX objects: each an item of its own, checked and handled like any other.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::access::Caller;
use super::anonymity;
use super::cut::{Cut, marking_row, reworded, unsaid};
use super::gate::View;
use super::in_force::still_in_force;
use super::intake::{Handled, handle, origin};
use super::markings::{
    self, Definitions, MARKING, MARKING_LEVEL, MARKING_RENDERED, asked_by_object,
};
use super::portions::{Had, handle_parts};
use super::publish::{Draft, new_version, stored_rule};
use super::refusal::{Fault, Refusal};
use super::release::{Clash, STANDIN, new_object};
use super::renditions::{Planned, Renditions, stand_in};
use super::stamps::{Places, SPREAD, Spread};
use super::supports::{self, supports};
use super::versions::{Against, created_of, version_of};
use super::{Exchange, Tx};
use crate::council::Origin;
use crate::council::body::role;
use crate::handling::{Channel, Form};
use crate::stix::json::{Limits, split_envelope};
use crate::stix::portion::without_parts;
use crate::stix::{StixId, Violation, marking, validate};

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
pub(super) struct Ready {
    pub at: usize,
    /// The first of the numbers kept for it.
    pub place: i64,
    pub value: Value,
    pub raw: String,
    pub id: StixId,
    pub handled: Handled,
    /// The source's own definitions of its markings, which go with it.
    pub markings: Definitions,
    /// Without its parts but the first so many; `None` where nothing is left.
    pub cuts: Vec<Option<Value>>,
    /// The hub's definitions of its levels' markings.
    pub levels: Vec<Value>,
}

/// The place of a rendition that shows all parts of an object.
const ALL: usize = usize::MAX;

/// Whether anybody gets the rendition of an object. A definition goes, in the hub's words, with what it
/// marks; alone it would only tell whose.
fn is_rendered(id: &StixId, handled: &Handled) -> bool {
    id.object_type() != "marking-definition" && handled.forms().contains(&Form::Anonymised)
}

impl Ready {
    /// What is rendered of it, by place and number of parts shown; all parts last.
    pub fn versions(&self) -> Vec<((usize, usize), Value)> {
        let cuts = self.cuts.iter().enumerate();
        let cuts = cuts.filter_map(|(seen, cut)| Some(((self.at, seen), cut.clone()?)));
        cuts.chain([((self.at, ALL), self.value.clone())]).collect()
    }
}

impl Exchange {
    /// Takes an envelope, and answers for each object.
    ///
    /// # Errors
    /// When the whole cannot be read, or the caller may not publish.
    pub async fn publish_objects(
        &self,
        caller: &Caller,
        bytes: &[u8],
    ) -> Result<Vec<Outcome>, Refusal> {
        let act = |caller: Caller| -> BoxFuture<'_, _> {
            Box::pin(async move { self.publish_envelope(&caller, bytes).await })
        };
        self.as_in_force(caller, act).await
    }

    async fn publish_envelope(
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
        let mut valid: Vec<(usize, String, Value)> = Vec::new();
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
            outcomes.push(Outcome {
                id: text("id"),
                version: version_of(&value).to_owned(),
                faults: Vec::new(),
            });
            match self.sound(caller, &value) {
                Ok(true) => valid.push((at, object.raw.to_owned(), value)),
                Ok(false) => {}
                Err(refusal) => refused(&mut outcomes, at, refusal)?,
            }
        }
        let count = outcomes.len();
        let ready = self.examine_all(caller, valid, &mut outcomes).await?;
        let Some(first) = ready.first() else {
            let faults = outcomes.iter().flat_map(|outcome| outcome.faults.clone());
            self.note_refusal(caller, &faults.collect::<Vec<_>>())
                .await?;
            return Ok(outcomes);
        };
        let origin = first.handled.origin.clone();
        let prepared = self.prepare(caller, &origin, &ready).await?;
        let view = self.view(Some(caller), Channel::Taxii).await?;
        let (exchange, poster) = (self.clone(), caller.clone());
        let taken = self
            .writer()
            .write(move |tx| {
                Box::pin(async move {
                    still_in_force(tx, &poster.directory).await?;
                    let owner = poster.body.id.as_str();
                    let secret = exchange.secret();
                    let minted = |item: &Ready| secret.rendition_id(owner, &item.id);
                    let ids = ready
                        .iter()
                        .flat_map(|item| [item.id.to_string(), minted(item).to_string()]);
                    let ids: Vec<String> = ids.collect();
                    tx.learn_unused(&ids).await?;
                    // Where something has been under an id, a rendition of it may have been made anew
                    // since these were prepared, and the next version is later than that.
                    let first = ids.iter().all(|id| tx.is_unused(id));
                    let batch = if first && prepared.hold(tx, owner).await? {
                        prepared
                    } else {
                        let objects = ready.iter().flat_map(Ready::versions).collect();
                        let source = (owner, poster.directory.as_ref());
                        Renditions::make(&exchange, tx, source, &origin, objects).await?
                    };
                    let mut taken = Vec::with_capacity(ready.len());
                    let now = exchange.clock().now_micros();
                    // What an older version is left with comes before the newer one, which may lean
                    // on a marking that came with it; what names the newer one comes behind it.
                    let mut had = Had::ready(tx, now, SPREAD).await?;
                    let places = Places::take(tx, now, count).await?;
                    let behind = Spread::take(tx, now, SPREAD).await?;
                    for mut item in ready {
                        let at = item.at;
                        item.place = places.at(at);
                        let done = exchange.take(tx, &poster, &view, &batch, item, &mut had);
                        match done.await {
                            Ok(()) => taken.push((at, Vec::new())),
                            Err(Refusal::Invalid(faults)) => taken.push((at, faults)),
                            Err(other) => return Err(other),
                        }
                    }
                    had.spread = Some(behind);
                    exchange.arrived(tx, &poster.directory, had, now).await?;
                    Ok(taken)
                })
            })
            .await?;
        for (at, faults) in taken {
            refused(&mut outcomes, at, Refusal::Invalid(faults))?;
        }
        let faults: Vec<Fault> = outcomes
            .iter()
            .flat_map(|outcome| outcome.faults.clone())
            .collect();
        self.note_refusal(caller, &faults).await?;
        Ok(outcomes)
    }

    /// The renditions of an envelope, made and looked at while nothing waits for it: the writer has only
    /// to see that they still hold.
    async fn prepare(
        &self,
        caller: &Caller,
        origin: &Origin,
        ready: &[Ready],
    ) -> Result<Renditions, Refusal> {
        let (directory, owner) = (caller.directory.as_ref(), caller.body.id.as_str());
        let objects = ready.iter().flat_map(Ready::versions).collect();
        let planned = Planned::of(&mut self.db().read().await?, owner, objects).await?;
        let mut batch = planned.make(self, (owner, directory), origin);
        for item in ready {
            if is_rendered(&item.id, &item.handled) {
                let words = reworded(self.secret(), &batch, &item.markings);
                let (creator, markings) = self.rendered_as(caller, &item.handled, &words);
                batch.look_at((item.at, ALL), creator, markings);
            }
            tokio::task::yield_now().await; // a large envelope is no reason for others to wait
        }
        Ok(batch)
    }

    /// The creator and the markings of the rendition of what is handled so, with these statements.
    fn rendered_as(
        &self,
        caller: &Caller,
        handled: &Handled,
        words: &[Value],
    ) -> (String, Vec<String>) {
        let (rules, origin) = (handled.rules(), &handled.origin);
        let (secret, rule) = (self.secret(), rules.strictest());
        let goes_with = supports(secret, &caller.directory, origin, rule, Form::Anonymised);
        let said = words.iter().filter_map(supports::id_of).map(str::to_owned);
        (
            goes_with.creator_id,
            goes_with.marking_refs.into_iter().chain(said).collect(),
        )
    }

    /// Checks one object by itself; false where there is nothing to store, since the hub serves what
    /// is under its id, and nobody else does.
    fn sound(&self, caller: &Caller, value: &Value) -> Result<bool, Refusal> {
        if let Ok(id) = stix_id(value)
            && id.object_type() == "marking-definition"
        {
            if let Some(fault) = marking::contradiction(value) {
                return Err(Refusal::Invalid(vec![fault.into()]));
            }
            let now = self.clock().now();
            let level = markings::level_definition(&caller.directory, id.as_str(), now);
            if marking::is_published(&id) || level.is_some() {
                return Ok(false);
            }
        }
        validate(value).map_err(|found: Vec<Violation>| {
            Refusal::Invalid(found.into_iter().map(Fault::from).collect())
        })?;
        Ok(true)
    }

    /// Resolves the handling of sound objects, with the marking definitions of the same source.
    async fn examine_all(
        &self,
        caller: &Caller,
        sound: Vec<(usize, String, Value)>,
        outcomes: &mut [Outcome],
    ) -> Result<Vec<Ready>, Refusal> {
        let mut tx = self.db().read().await?;
        let own = markings::own_definitions(&mut tx, caller, &sound).await?;
        drop(tx);
        let mut ready = Vec::with_capacity(sound.len());
        let marks = |id: &str| {
            let definition = own.get(id).map(|(_, definition)| definition);
            definition.map(marking::references).unwrap_or_default()
        };
        for (at, raw, value) in sound {
            // Over the envelope and what this source posted before; others' are not looked at (law 4).
            let examined = if marking::circular(&value, &marks) {
                let message = "the marking marks itself, through the markings it names";
                Err(Refusal::fault("/object_marking_refs", "STIX 3.2", message))
            } else {
                self.examine(caller, at, raw, value, &own)
            };
            match examined {
                Ok(item) => ready.push(item),
                Err(refusal) => refused(outcomes, at, refusal)?,
            }
        }
        Ok(ready)
    }

    fn examine(
        &self,
        caller: &Caller,
        at: usize,
        raw: String,
        value: Value,
        own: &Definitions,
    ) -> Result<Ready, Refusal> {
        let id = stix_id(&value)?;
        let now = self.clock().now();
        let from = origin(caller, None, None, &[], now)?;
        self.foreign_creator(caller, &value)?;
        let (asked, parts) = asked_by_object(caller, &value, own, now)?;
        let mut handled = handle(caller, from, &asked, "/object_marking_refs", now)?;
        let places = handle_parts(caller, &mut handled, parts, "/granular_markings", now)?;
        Ok(Ready {
            cuts: (0..places.len())
                .map(|seen| {
                    let hidden = places.iter().skip(seen).flatten().cloned().collect();
                    without_parts(&value, &hidden)
                })
                .collect(),
            at,
            place: 0,
            raw,
            id,
            handled,
            markings: markings::carried(&value, own),
            levels: marking::references(&value)
                .iter()
                .filter_map(|id| markings::level_definition(&caller.directory, id, now))
                .collect(),
            value,
        })
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

    pub(super) async fn take(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        view: &View,
        batch: &Renditions,
        item: Ready,
        had: &mut Had,
    ) -> Result<(), Refusal> {
        let Ready {
            value,
            raw,
            id,
            mut handled,
            at,
            place,
            markings,
            cuts,
            levels,
        } = item;
        let mut object = new_object(Form::Identified, &value, raw);
        let name = format!("{} {id}", caller.body.id);
        let previous = match tx.is_unused(id.as_str()) {
            true => None,
            false => tx.latest_version(&name).await?,
        };
        let mut late = false;
        if let Some(previous) = &previous {
            match self.against_own(tx, previous, &value, &object).await? {
                Against::Duplicate => {
                    let rules = handled.rules();
                    let directory = &caller.directory;
                    return self.posted_again(tx, directory, previous, rules, had).await;
                }
                Against::Newer => {}
                Against::Late => late = true,
            }
        } else {
            self.against_visible(tx, view, &id, &object).await?;
        }
        let now = self.clock().now_micros();
        if let (Some(newest), true) = (&previous, late) {
            handled.narrow(&stored_rule(newest)?, self.clock().now());
        }
        let version = previous
            .as_ref()
            .map_or(1, |previous| previous.value.version + 1);
        let mut objects = Vec::new();
        let mut findings = Vec::new();
        let rules = handled.rules();
        let rule = rules.strictest();
        let owner = caller.body.id.as_str();
        let needs_rendition = is_rendered(&id, &handled);
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
        // Whether anybody needs them or not: how many rows an act has must not tell of a clash.
        let words = reworded(self.secret(), batch, &markings);
        for words in &words {
            objects.push(marking_row(MARKING_RENDERED, words, words.to_string()));
        }
        if needs_rendition || clash == Clash::Other {
            let (creator, marking_refs) = self.rendered_as(caller, &handled, &words);
            let minted = self.secret().rendition_id(owner, &id);
            let created = match tx.first_bytes(minted.as_str()).await? {
                Some(first) => created_of(&first),
                None => None,
            };
            let examined = batch.examined((at, ALL), &creator, &marking_refs, created);
            if let Some((rendition, pointing, row)) = examined {
                let mut found = unsaid(batch, &words);
                found.extend(pointing);
                if needs_rendition {
                    let day = self.clock().now().date_naive();
                    let (directory, origin) = (&caller.directory, &handled.origin);
                    found.extend(anonymity::small_group(
                        directory, origin, rule, &rendition, day,
                    ));
                    findings.extend(found.iter().cloned());
                    objects.push(row);
                }
                // Without findings only, and never held for them: a hold would tell that somebody
                // else posted this id (law 4).
                if clash == Clash::Other && found.is_empty() {
                    let stands_in = stand_in(self.secret(), owner, &id, &rendition);
                    let mut stored =
                        new_object(Form::Anonymised, &stands_in, stands_in.to_string());
                    stored.form = STANDIN.to_owned();
                    stored.version_at = object.version_at; // found by the version it stands in for
                    objects.push(stored);
                }
            }
        }
        let carried = markings.clone();
        let level = |own: &Value| marking_row(MARKING_LEVEL, own, own.to_string());
        objects.extend(levels.iter().map(level));
        let own = |(raw, own): (String, Value)| marking_row(MARKING, &own, raw);
        objects.extend(markings.into_values().map(own));
        object.form = Form::Identified.word().to_owned();
        objects.insert(0, object);
        for (seen, cut) in cuts.into_iter().enumerate() {
            let Some(cut) = cut else { continue };
            let of = Cut {
                owner,
                id: &id,
                at,
                seen,
                markings: &carried,
            };
            let (more, found) = self.cut(tx, caller, &handled, batch, &of, cut).await?;
            objects.extend(more);
            findings.extend(found);
        }
        anonymity::hold(&mut handled, &findings);
        let draft = Draft {
            item: new_version(caller, &handled, name, version, "stix", None, now)?,
            handled,
            objects,
            clash,
            late,
            strips: None,
            place: Some(place),
        };
        self.write_draft(tx, &caller.directory, draft, previous.as_ref(), had, now)
            .await?;
        Ok(())
    }
}

fn stix_id(value: &Value) -> Result<StixId, Refusal> {
    supports::id_of(value)
        .and_then(StixId::parse)
        .ok_or_else(|| Refusal::fault("/id", "STIX 2.9", "the object has no STIX id"))
}

/// Notes an object's faults; any other refusal is the whole envelope's.
fn refused(outcomes: &mut [Outcome], at: usize, refusal: Refusal) -> Result<(), Refusal> {
    match (refusal, outcomes.get_mut(at)) {
        (Refusal::Invalid(faults), Some(outcome)) => {
            let place = format!("/objects/{at}");
            outcome.faults = faults
                .into_iter()
                .map(|fault| placed(&place, fault))
                .collect();
            Ok(())
        }
        (other, _) => Err(other),
    }
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
