//! The anonymised renditions of one envelope, made together so that references between its objects
//! hold, and so that nothing in one of them tells what was changed in another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::anonymity;
use super::refusal::Refusal;
use super::release::new_object;
use super::secret::Secret;
use super::{Exchange, Tx};
use crate::council::{Directory, Origin};
use crate::handling::Form;
use crate::report::identity_check::{Finding, IdentityCheck, Mark};
use crate::stix::rendition::{RenditionContext, anonymise_batch, stripped};
use crate::stix::timestamp::format_stix;
use crate::stix::{Class, StixId};
use crate::store::NewObject;

/// Renditions by place in the envelope and by how many of an object's parts they show.
pub(super) struct Renditions {
    check: IdentityCheck,
    strip: Vec<(String, String)>,
    made: BTreeMap<(usize, usize), Value>,
    /// Ids that the envelope names and does not hold, and what was known of them.
    named: BTreeSet<String>,
    elsewhere: BTreeMap<String, Option<StixId>>,
    looked_at: BTreeMap<(usize, usize), LookedAt>,
}

/// A rendition as it will most likely be wanted, and what was found in it.
struct LookedAt {
    creator: String,
    marking_refs: Vec<String>,
    row: NewObject,
    rendition: Value,
    found: Vec<Finding>,
}

/// Renditions that are still to be made, with all that the database says of them.
pub(super) struct Planned {
    objects: Vec<((usize, usize), Value)>,
    named: BTreeSet<String>,
    elsewhere: BTreeMap<String, Option<StixId>>,
}

impl Planned {
    /// Asks the database. An object that shows all its parts comes after those of it that show less:
    /// it is what others refer to.
    pub async fn of(
        tx: &mut Tx,
        owner: &str,
        objects: Vec<((usize, usize), Value)>,
    ) -> Result<Self, Refusal> {
        let named = named(objects.iter().map(|(_, object)| object));
        Ok(Self {
            elsewhere: elsewhere(tx, owner, &named).await?,
            objects,
            named,
        })
    }

    /// Makes them all, as of now.
    pub fn make(
        self,
        exchange: &Exchange,
        (owner, directory): (&str, &Directory),
        origin: &Origin,
    ) -> Renditions {
        let Self {
            objects,
            named,
            elsewhere,
        } = self;
        let mint = |original: &StixId| exchange.secret().rendition_id(owner, original);
        let (places, objects): (Vec<(usize, usize)>, Vec<Value>) = objects.into_iter().unzip();
        let mut marks = anonymity::body_marks(directory, origin);
        marks.extend(posted_creators(&objects));
        let strip: Vec<(String, String)> = marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Name(text) | Mark::Domain(text) => {
                    Some((text.clone(), "[removed]".to_owned()))
                }
                _ => None,
            })
            .collect();
        let now = format_stix(exchange.clock().now_micros());
        let context = RenditionContext {
            mint: &mint,
            // Whether its source posted an observable, or rendered it for anybody, may be hidden from
            // a reader of this object who has that observable from another source: so nothing here
            // depends on it (law 4). Its id reaches only who has it, and nobody where it tells of
            // the source (`portions::telling`). An extension's is kept unless it is the source's own.
            observable: &|id| match (elsewhere.get(id.as_str()), id.class()) {
                (Some(Some(rendered)), _) => Some(rendered.clone()),
                (Some(None), Class::Sco) | (None, _) => None,
                (Some(None), _) => Some(mint(id)),
            },
            // Set for each object when its rule is known.
            creator: Some(exchange.secret().stix_id("identity", "identity", &["hub"])),
            created: &now,
            modified: &now,
            target_modified: Some(&now),
            marking_refs: &[],
            strip: &strip,
        };
        let made = anonymise_batch(&objects, &context);
        marks.extend(gone(&objects, &made, &elsewhere));
        Renditions {
            check: anonymity::check(directory, origin, marks),
            made: places
                .into_iter()
                .zip(made)
                .filter_map(|(at, rendition)| Some((at, rendition?)))
                .collect(),
            strip,
            named,
            elsewhere,
            looked_at: BTreeMap::new(),
        }
    }
}

impl Renditions {
    /// Makes them all.
    pub async fn make(
        exchange: &Exchange,
        tx: &mut Tx,
        source: (&str, &Directory),
        origin: &Origin,
        objects: Vec<((usize, usize), Value)>,
    ) -> Result<Self, Refusal> {
        let planned = Planned::of(tx, source.0, objects).await?;
        Ok(planned.make(exchange, source, origin))
    }

    /// Whether what they were made from still holds.
    pub async fn hold(&self, tx: &mut Tx, owner: &str) -> Result<bool, Refusal> {
        Ok(elsewhere(tx, owner, &self.named).await? == self.elsewhere)
    }

    /// Looks at one beforehand, so that it costs nothing while others wait to write.
    pub fn look_at(&mut self, at: (usize, usize), creator: String, marking_refs: Vec<String>) {
        let Some(rendition) = self.get(at, &creator, &marking_refs, None) else {
            return;
        };
        let looked_at = LookedAt {
            creator,
            marking_refs,
            row: new_object(Form::Anonymised, &rendition, rendition.to_string()),
            found: self.check.find(&rendition),
            rendition,
        };
        self.looked_at.insert(at, looked_at);
    }

    /// The rendition of one object as [`Renditions::get`] makes it, what in it would still point at the
    /// source, and its row.
    pub fn examined(
        &self,
        at: (usize, usize),
        creator: &str,
        marking_refs: &[String],
        created: Option<String>,
    ) -> Option<(Value, Vec<Finding>, NewObject)> {
        if let (Some(looked), None) = (self.looked_at.get(&at), &created)
            && looked.creator == creator
            && looked.marking_refs == marking_refs
        {
            let (rendition, found) = (looked.rendition.clone(), looked.found.clone());
            return Some((rendition, found, looked.row.clone()));
        }
        let rendition = self.get(at, creator, marking_refs, created)?;
        let found = self.check(&rendition);
        let row = new_object(Form::Anonymised, &rendition, rendition.to_string());
        Some((rendition, found, row))
    }

    /// Lets what refers to another source's object (`of`) go on referring to it, as `told`: its id is
    /// the hub's own, and tells nothing of who refers to it.
    pub fn refer(&mut self, secret: &Secret, owner: &str, of: &StixId, told: &str) {
        let minted = secret.rendition_id(owner, of);
        self.looked_at.clear();
        for object in self.made.values_mut() {
            replace(object, minted.as_str(), told);
        }
    }

    /// A statement of the source's, without what would name it.
    pub fn words(&self, statement: &str) -> String {
        stripped(statement, &self.strip)
    }

    /// The rendition of one object, with its creator, markings and first version; `None` where the
    /// object has none.
    pub fn get(
        &self,
        at: (usize, usize),
        creator: &str,
        marking_refs: &[String],
        created: Option<String>,
    ) -> Option<Value> {
        let mut rendition = self.made.get(&at)?.clone();
        let members = rendition.as_object_mut()?;
        if members.contains_key("created_by_ref") {
            members.insert("created_by_ref".to_owned(), creator.into());
        }
        members.insert("object_marking_refs".to_owned(), marking_refs.into());
        if let (Some(created), true) = (created, members.contains_key("created")) {
            members.insert("created".to_owned(), created.into());
        }
        Some(rendition)
    }

    /// What in a rendition would still point at the source.
    pub fn check(&self, rendition: &Value) -> Vec<Finding> {
        self.check.find(rendition)
    }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, from, to)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, from, to)),
        _ => {}
    }
}

/// Ids of originals that no rendition keeps: the source's own, or computable from what was changed.
fn gone(
    objects: &[Value],
    made: &[Option<Value>],
    elsewhere: &BTreeMap<String, Option<StixId>>,
) -> Vec<Mark> {
    fn ids<'a>(objects: impl Iterator<Item = &'a Value>) -> BTreeSet<&'a str> {
        let inner = |object: &'a Value| object.get("objects").and_then(Value::as_object);
        objects
            .flat_map(|object| {
                std::iter::once(object).chain(inner(object).into_iter().flat_map(Map::values))
            })
            .filter_map(|object| object.get("id")?.as_str())
            .collect()
    }
    let (posted, kept) = (ids(objects.iter()), ids(made.iter().flatten()));
    let renamed = elsewhere
        .iter()
        .filter(|(id, rendered)| match rendered {
            Some(new) => new.as_str() != *id,
            None => StixId::parse(id).is_some_and(|id| id.class() != Class::Sco),
        })
        .map(|(id, _)| id.as_str());
    posted
        .into_iter()
        .filter(|id| !kept.contains(id))
        .chain(renamed)
        .filter_map(StixId::parse)
        .map(|id| {
            let of = id.object_type().to_owned();
            match id.class() {
                Class::Sco if id.uuid().get_version_num() == 5 => {
                    Mark::Guessable(id.uuid(), format!("the original {of}"))
                }
                _ => Mark::Own(id.uuid(), format!("the original {of}")),
            }
        })
        .collect()
}

/// The rendition that stands in for an original in front of a reader of both: never under its id.
pub(super) fn stand_in(
    secret: &Secret,
    owner: &str,
    original: &StixId,
    rendition: &Value,
) -> Value {
    let mut object = rendition.clone();
    let id = secret.rendition_id(&format!("standin {owner}"), original);
    if let Some(members) = object.as_object_mut() {
        members.insert("id".to_owned(), id.to_string().into());
    }
    object
}

/// Who an envelope's own identity objects say made the others: a name like any other of the source.
fn posted_creators(objects: &[Value]) -> Vec<Mark> {
    let text =
        |object: &Value, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let creators: BTreeSet<String> = objects
        .iter()
        .filter_map(|o| text(o, "created_by_ref"))
        .collect();
    objects
        .iter()
        .filter(|object| text(object, "type").as_deref() == Some("identity"))
        .filter(|object| text(object, "id").is_some_and(|id| creators.contains(&id)))
        .flat_map(|object| {
            let contact = text(object, "contact_information").unwrap_or_default();
            let domains = contact
                .split_whitespace()
                .filter_map(|word| word.rsplit_once('@'))
                .map(|(_, domain)| {
                    Mark::Domain(domain.trim_matches(['.', ',', '>', ')']).to_owned())
                })
                .collect::<Vec<_>>();
            text(object, "name")
                .map(Mark::Name)
                .into_iter()
                .chain(domains)
        })
        .collect()
}

/// Ids the envelope names but does not hold.
fn named<'a>(objects: impl Iterator<Item = &'a Value> + Clone) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for object in objects.clone() {
        collect_ids(object, &mut named);
    }
    for here in objects.filter_map(|object| object.get("id")?.as_str()) {
        named.remove(here);
    }
    named
}

/// Those of which the same source posted the object before: the id its rendition has, if it has one.
async fn elsewhere(
    tx: &mut Tx,
    owner: &str,
    named: &BTreeSet<String>,
) -> Result<BTreeMap<String, Option<StixId>>, Refusal> {
    let mut known = BTreeMap::new();
    for id in named {
        if let Some(version) = tx.latest_version(&format!("{owner} {id}")).await? {
            let rendered = tx
                .objects_of(version.key)
                .await?
                .into_iter()
                .find(|(_, object)| object.form == Form::Anonymised.word())
                .and_then(|(_, object)| StixId::parse(&object.stix_id));
            known.insert(id.clone(), rendered);
        }
    }
    Ok(known)
}

fn collect_ids(value: &Value, ids: &mut BTreeSet<String>) {
    let mut keep = |text: &str| {
        let wanted = StixId::parse(text).is_some_and(|id| {
            id.class() == Class::Sco || id.object_type() == "extension-definition"
        });
        if wanted {
            ids.insert(text.to_owned());
        }
    };
    match value {
        Value::String(text) => keep(text),
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(members) => {
            members.keys().for_each(|key| keep(key));
            members.values().for_each(|item| collect_ids(item, ids));
        }
        _ => {}
    }
}
