//! Entering an item version in the release log: a stamp for each object on each side, for the
//! audiences that read it, with the support objects that go with it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Tx;
use super::gate::intern;
use super::markings::published_markings;
use super::refusal::Refusal;
use super::secret::sha256;
use super::supports::id_of;
use crate::handling::{Audience, Form, Rule};
use crate::stix::{Class, StixId, marking, rendition, timestamp};
use crate::store::{NewItemVersion, NewObject, NewRelease};

/// The form of an object that stands in for an original in front of a reader of both.
pub(super) const STANDIN: &str = "standin";

/// How an object stands to what others posted under its id and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// Nobody did.
    Free,
    /// The same content: one entry for a reader of both.
    Same,
    /// Other content: a reader of both gets this one as a rendition.
    Other,
}

/// Numbers taken from the stamp counter for one act.
///
/// Law 4: an entry's stamp is seen by its readers, so it depends on the act alone. Every entry the
/// act could make has a place of its own, taken or not; what may depend on others' items (the
/// stand-ins, the numbers of rows) comes after all of them.
pub(super) struct Numbers {
    pub first: i64,
    supports: i64,
    objects: i64,
    next: i64,
}

/// TLP marking, obligations, creator; and the first two again as they were when the objects were
/// made, where the rule was narrowed since.
const SUPPORTS: usize = 5;
const SIDES: [&str; 3] = ["desk", "inside", "outside"];

impl Numbers {
    /// Takes numbers for an act with these objects, stand-ins among them or not.
    pub async fn take(
        tx: &mut Tx,
        now: i64,
        objects: &[NewObject],
        carried: &[Value],
    ) -> Result<Self, Refusal> {
        let supports = i64::try_from(SUPPORTS.max(carried.len())).unwrap_or(i64::MAX / 64);
        let all = i64::try_from(objects.len()).unwrap_or(i64::MAX / 64);
        let standins = objects
            .iter()
            .filter(|object| object.form == STANDIN)
            .count();
        let own = all - i64::try_from(standins).unwrap_or(0);
        // As if every object had a stand-in, so that what follows has its place whatever clashes.
        let places = SIDES.len() as i64 * (2 * (own + supports) + 2 * own);
        let rows = 1 + 2 * own + SIDES.len() as i64 * 2 * supports;
        let first = tx.take("stamp", now, 1 + places + rows).await?;
        Ok(Self {
            first,
            supports,
            objects: own,
            next: first + 1 + SIDES.len() as i64 * 2 * (own + supports),
        })
    }

    /// The number of a row, or the stamp of a stand-in: the next after every place.
    pub fn next(&mut self) -> i64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The stamp of a place: supports first, then the form's objects in order.
    fn place(&self, side: &str, form: Form, position: i64) -> i64 {
        let side = SIDES.iter().position(|name| *name == side).unwrap_or(0) as i64;
        let block = side * 2 + i64::from(form == Form::Anonymised);
        self.first + 1 + block * (self.objects + self.supports) + position
    }
}

fn is_observable(stix_id: &str) -> bool {
    StixId::parse(stix_id).is_some_and(|id| id.class() == Class::Sco)
}

/// The published markings that go with an item's identified form as posted; what the hub makes has
/// its own.
pub(super) fn carried_markings<'a>(
    item: &NewItemVersion,
    objects: impl Iterator<Item = &'a NewObject>,
) -> Result<Vec<Value>, Refusal> {
    if item.kind == "stix" {
        published_markings(objects)
    } else {
        Ok(Vec::new())
    }
}

/// The entries of one item version.
pub(super) struct Release<'a> {
    pub key: i64,
    pub item: &'a NewItemVersion,
    pub rule: &'a Rule,
    pub live: bool,
    pub clash: Clash,
    /// Whether readers who have the version already may be among those it is entered for.
    pub again: bool,
    /// Published markings that posted objects carry.
    pub carried: Vec<Value>,
    pub keyed: Vec<(i64, NewObject)>,
    pub numbers: Numbers,
}

impl Release<'_> {
    /// Enters every object for one side, each form for its audiences, support objects first.
    pub async fn side(
        &mut self,
        tx: &mut Tx,
        side: &'static str,
        pieces: &[(Form, Audience)],
        goes_with: &(dyn Fn(Form) -> Vec<Value> + Sync),
    ) -> Result<(), Refusal> {
        for form in pieces
            .iter()
            .map(|(form, _)| *form)
            .collect::<BTreeSet<_>>()
        {
            let mut audiences = Vec::new();
            for (_, audience) in pieces.iter().filter(|(of, _)| *of == form) {
                audiences.push(intern(tx, audience).await?);
            }
            // Posted identified objects carry their own markings; everything the hub makes carries
            // the hub's, which go with it.
            let supports = if form == Form::Anonymised || self.item.kind != "stix" {
                let mut supports = goes_with(form);
                for id in self.named_by(form)? {
                    let there = supports.iter().any(|object| id_of(object) == Some(&id));
                    if let (false, Some(bytes)) = (there, tx.first_bytes(&id).await?) {
                        supports.push(serde_json::from_str(&bytes)?);
                    }
                }
                supports.truncate(SUPPORTS);
                supports
            } else {
                self.carried.clone()
            };
            for (position, object) in supports.iter().enumerate() {
                let stamp = self.numbers.place(side, form, position as i64);
                self.support(tx, form, stamp, object, &audiences).await?;
            }
            let mut position = self.numbers.supports;
            for (object, stored) in &self.keyed {
                let standin = stored.form == STANDIN;
                let stands_in =
                    standin && (form == Form::Identified || is_observable(&stored.stix_id));
                if stored.form != form.word() && !stands_in {
                    continue;
                }
                let stamp = if standin {
                    self.numbers.next()
                } else {
                    position += 1;
                    self.numbers.place(side, form, position - 1)
                };
                let twin = match (self.clash, standin) {
                    (_, true) => STANDIN,
                    // An observable keeps its id in every form, so sources can meet under it.
                    _ if is_observable(&stored.stix_id) => "shared",
                    _ if self.again => "shared",
                    (Clash::Free, _) => "",
                    (Clash::Same | Clash::Other, _) if form == Form::Identified => "shared",
                    _ => "",
                };
                tx.add_release(&NewRelease {
                    stamp,
                    object: *object,
                    item_version: Some(self.key),
                    side,
                    kind: self.item.kind.clone(),
                    twin,
                    // The desk keeps what it sent; what expires is what others were given.
                    not_after: self
                        .rule
                        .access
                        .not_after
                        .filter(|_| side != "desk")
                        .map(|until| until.timestamp_micros()),
                    live: self.live,
                    report: stored.report.is_some(),
                    audiences: audiences.clone(),
                })
                .await?;
            }
        }
        Ok(())
    }

    /// The markings that the hub's own objects of a form name.
    fn named_by(&self, form: Form) -> Result<BTreeSet<String>, Refusal> {
        let mut named = BTreeSet::new();
        for (_, object) in &self.keyed {
            if object.form == form.word() && !object.bytes.is_empty() {
                named.extend(marking::references(&serde_json::from_str(&object.bytes)?));
            }
        }
        Ok(named)
    }

    async fn support(
        &mut self,
        tx: &mut Tx,
        form: Form,
        stamp: i64,
        object: &Value,
        audiences: &[i64],
    ) -> Result<(), Refusal> {
        let stored = new_object(form, object, object.to_string());
        let mut lacking = Vec::new();
        for audience in audiences {
            if !tx
                .supported(&stored.stix_id, &stored.digest, &self.item.kind, *audience)
                .await?
            {
                lacking.push(*audience);
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let number = self.numbers.next();
        tx.add_object(number, None, &stored).await?;
        tx.add_release(&NewRelease {
            stamp,
            object: number,
            item_version: None,
            side: "support",
            kind: self.item.kind.clone(),
            twin: "shared",
            not_after: None,
            live: true,
            report: false,
            audiences: lacking,
        })
        .await?;
        Ok(())
    }
}

/// The row of an object, as it will be served.
pub(super) fn new_object(form: Form, object: &Value, bytes: String) -> NewObject {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    // An observable has no version of its own; the hub gives all the same one (TAXII 5.3.1).
    let version = text("modified")
        .or_else(|| text("created"))
        .unwrap_or("1970-01-01T00:00:00.000Z");
    let mut content = object.clone();
    if let (true, Some(members)) = (
        text("id").is_some_and(is_observable),
        content.as_object_mut(),
    ) {
        // Two sources' handling of one observable is not another content.
        members.remove("object_marking_refs");
        members.remove("granular_markings");
    }
    NewObject {
        form: form.word().to_owned(),
        stix_id: text("id").unwrap_or_default().to_owned(),
        object_type: text("type").unwrap_or_default().to_owned(),
        version: version.to_owned(),
        version_at: timestamp::Instant::parse(version).map_or(0, |instant| instant.micros()),
        digest: sha256(&rendition::canonical(&content)),
        bytes,
        report: None,
    }
}
