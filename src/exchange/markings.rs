//! What a posted STIX object's markings ask for, in every dialect, and the marking definitions that
//! go with it. A published marking means what its id says; one that the source made means what its
//! body says, as far as the hub reads it; anything else is unknown, and holds (law 1).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::facts;
use super::intake::Asked;
use super::portions::AskedPart;
use super::refusal::Refusal;
use super::release::new_object;
use crate::council::Directory;
use crate::handling::{Form, Join, Rule, Tlp};
use crate::stix::marking::{self, Iep, Label, Meaning};
use crate::stix::{StixId, portion};
use crate::store::{NewObject, StoreError, Tx};

/// The form of a source's own marking definition, stored with an item that uses it: as posted, to
/// go with the identified form.
pub(super) const MARKING: &str = "marking";
/// The hub's own definition of a level's marking, to go with the identified form.
pub(super) const MARKING_LEVEL: &str = "marking level";
/// A statement as the hub words it, to go with the anonymised form.
pub(super) const MARKING_RENDERED: &str = "marking anonymised";

/// Marking definitions of the caller's own, by id: from the envelope at hand and from before, with
/// their bytes as posted.
pub(super) type Definitions = BTreeMap<String, (String, Value)>;

/// A marking to serve beside an item: on which side it is entered, and its row.
pub(super) type Beside = (&'static str, NewObject);

/// The markings that go with the objects of an item stored as `of`, as posted or rendered: published
/// ones that they name, since many clients do not know those of TLP 2.0, and the source's own. What
/// only a part names that is not shown goes with the part.
///
/// # Errors
/// When an object that was stored is no JSON.
pub(super) fn markings_of<'a>(
    objects: impl Iterator<Item = &'a NewObject>,
    form: Form,
    of: &str,
) -> Result<Vec<Beside>, Refusal> {
    let mut ids = BTreeSet::new();
    let mut beside = Vec::new();
    for object in objects {
        match (object.form.as_str(), form) {
            // The source's own: it gives way to the same marking as an item, and the item to it.
            (MARKING, Form::Identified) => beside.push(("marking", object.clone())),
            (MARKING_LEVEL, Form::Identified) | (MARKING_RENDERED, Form::Anonymised) => {
                beside.push(("support", object.clone()));
            }
            (stored, _) if stored == of => {
                ids.extend(marking::references(&serde_json::from_str(&object.bytes)?));
            }
            _ => {}
        }
    }
    let mut all: Vec<Beside> = Vec::new();
    loop {
        let named = |(_, object): &Beside| ids.contains(&object.stix_id);
        let (used, rest): (Vec<_>, Vec<_>) = beside.into_iter().partition(named);
        beside = rest;
        if used.is_empty() {
            break;
        }
        for (side, object) in used {
            ids.extend(marking::references(&serde_json::from_str(&object.bytes)?));
            all.push((side, object));
        }
    }
    if form != Form::Identified {
        return Ok(all); // the hub's own go with what the hub makes
    }
    let published = ids.iter().filter_map(|id| marking::published(id));
    all.extend(published.map(|object| ("support", new_object(form, &object, object.to_string()))));
    Ok(all)
}

/// The STIX id of the marking definition that stands for a scheme's level.
#[must_use]
pub fn level_marking_id(directory: &Directory, scheme: &str, level: &str) -> String {
    let name = format!("level/{scheme}/{level}");
    format!(
        "marking-definition--{}",
        Uuid::new_v5(&directory.namespace(), name.as_bytes())
    )
}

/// The caller's own definitions of markings that these objects name, and of those that mark them:
/// what was posted first under an id counts, since a marking has no versions (STIX 7.2.1). Another
/// source's are not looked at: whether there is one must not show (law 4).
///
/// # Errors
/// When the database fails.
pub(super) async fn own_definitions(
    tx: &mut Tx,
    caller: &Caller,
    objects: &[(usize, String, Value)],
) -> Result<Definitions, StoreError> {
    let here: BTreeMap<&str, (&String, &Value)> = objects
        .iter()
        .filter_map(|(_, raw, object)| Some((object.get("id")?.as_str()?, (raw, object))))
        .collect();
    let mut found = Definitions::new();
    let mut open: Vec<String> = objects
        .iter()
        .flat_map(|(_, _, object)| marking::references(object))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone())
            || StixId::parse(&id).is_none_or(|id| marking::is_published(&id))
        {
            continue;
        }
        let definition = match tx.first_posted(&format!("{} {id}", caller.body.id)).await? {
            Some(bytes) => {
                let value = serde_json::from_str(&bytes)?;
                Some((bytes, value))
            }
            None => here
                .get(id.as_str())
                .map(|(raw, object)| ((*raw).clone(), (*object).clone())),
        };
        if let Some(definition) = definition.filter(|(_, object)| is_definition(object)) {
            open.extend(marking::references(&definition.1));
            found.insert(id, definition);
        }
    }
    Ok(found)
}

fn is_definition(object: &Value) -> bool {
    object.get("type").and_then(Value::as_str) == Some("marking-definition")
}

/// What a set of markings asks for.
#[derive(Default)]
struct Reading<'a> {
    level: Option<(&'a str, &'a str)>,
    tlp: Option<Tlp>,
    rule: Option<Rule>,
    unknown: bool,
}

impl Reading<'_> {
    fn narrow(&mut self, narrower: Rule) {
        let joined = match self.rule.take() {
            Some(rule) => rule.join(&narrower),
            None => narrower,
        };
        self.rule = Some(joined);
    }

    fn label(&mut self, label: Label) {
        match label {
            Label::Tlp(tlp) => self.tlp = self.tlp.max(Some(tlp)),
            Label::Pap(pap) => {
                let mut rule = Rule::unrestricted();
                rule.pap = pap;
                self.narrow(rule);
            }
            Label::Unreadable => self.unknown = true,
        }
    }

    fn policy(&mut self, iep: Iep, now: DateTime<Utc>) {
        if iep.end.is_some_and(|end| end <= now) {
            self.unknown = true; // expired is unknown, not free
            return;
        }
        self.tlp = self.tlp.max(Some(iep.tlp));
        let mut rule = Rule::unrestricted();
        rule.pap = iep.pap;
        rule.attribution = iep.attribution;
        rule.purposes_prohibited = iep.prohibited;
        rule.access.not_before = (iep.start > now).then_some(iep.start);
        rule.access.not_after = iep.end;
        self.narrow(rule);
    }
}

/// What the object's markings and labels ask for, for the whole and for each part that is marked by
/// itself.
///
/// Markings and labels count alike, and the strictest of several wins. A definition that is marked
/// itself hands its marking on: its words are served with the object.
///
/// # Errors
/// When it carries two different levels, or the level of another body's scheme.
pub(super) fn asked_by_object<'a>(
    caller: &'a Caller,
    object: &Value,
    own: &Definitions,
    now: DateTime<Utc>,
) -> Result<(Asked<'a>, Vec<AskedPart<'a>>), Refusal> {
    let list = |name: &str| {
        let list = object.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    };
    let references = list("object_marking_refs").map(str::to_owned).collect();
    // The charter's policies are asked about each part by itself, with what is known of the object.
    let facts = facts::of_object(caller, object, now.date_naive());
    let mut whole = asked_by(caller, references, list("labels"), own, now)?;
    whole.facts = Some(facts.clone());
    let mut parts = Vec::new();
    for (reference, places) in portion::marked_parts(object) {
        let mut asked = asked_by(caller, vec![reference], std::iter::empty(), own, now)?;
        asked.facts = Some(facts.clone());
        // A policy or PAP of a part binds whoever gets the object: nobody can honour it by halves.
        if let Some(marked) = &asked.narrowing.marked {
            let joined = whole
                .narrowing
                .marked
                .map_or_else(|| marked.as_ref().clone(), |rule| rule.join(marked));
            whole.narrowing.marked = Some(Box::new(joined));
        }
        if asked.level.is_some() || asked.tlp.is_some() || asked.unknown_marking {
            let at = "/granular_markings".to_owned();
            parts.push(AskedPart { asked, at, places });
        }
    }
    Ok((whole, parts))
}

fn asked_by<'a, 't>(
    caller: &'a Caller,
    references: Vec<String>,
    labels: impl Iterator<Item = &'t str>,
    own: &Definitions,
    now: DateTime<Utc>,
) -> Result<Asked<'a>, Refusal> {
    let directory = &caller.directory;
    let mut reading = Reading::default();
    let mut open = references;
    let mut seen = BTreeSet::new();
    while let Some(reference) = open.pop() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        if let Some(tlp) = marking::tlp_of_marking(&reference) {
            reading.label(Label::Tlp(tlp));
        } else if let Some(pap) = marking::pap_of_marking(&reference) {
            reading.label(Label::Pap(pap));
        } else if let Some(level) = level_of(directory, &reference, now.date_naive()) {
            if reading.level.is_some_and(|earlier| earlier != level) {
                return Err(Refusal::fault(
                    "/object_marking_refs",
                    "handling.level",
                    "the object carries two handling levels",
                ));
            }
            reading.level = Some(level);
        } else {
            let definition = own.get(&reference).map(|(_, definition)| definition);
            match definition.map_or(Meaning::Unknown, marking::meaning) {
                Meaning::Tlp(tlp) => reading.label(Label::Tlp(tlp)),
                Meaning::Pap(pap) => reading.label(Label::Pap(pap)),
                Meaning::Iep(iep) => reading.policy(*iep, now),
                Meaning::Obligations(rule) => reading.narrow(*rule),
                Meaning::Statement => {}
                Meaning::Unknown => reading.unknown = true,
            }
            open.extend(definition.map(marking::references).unwrap_or_default());
        }
    }
    labels
        .filter_map(marking::label)
        .for_each(|label| reading.label(label));
    let mut asked = Asked {
        level: reading.level,
        tlp: reading.tlp,
        unknown_marking: reading.unknown,
        ..Asked::default()
    };
    asked.narrowing.marked = reading.rule.map(Box::new);
    Ok(asked)
}

/// The source's own definitions that an object uses, in the order of their ids: they are served with
/// it.
pub(super) fn carried(object: &Value, own: &Definitions) -> Definitions {
    let mut open = marking::references(object);
    let mut used = BTreeMap::new();
    while let Some(id) = open.pop() {
        if let Some(definition) = own.get(&id)
            && used.insert(id, definition.clone()).is_none()
        {
            open.extend(marking::references(&definition.1));
        }
    }
    used
}

/// The definition of a level's marking, so that whoever gets an object with it can read it.
pub(super) fn level_definition(
    directory: &Directory,
    id: &str,
    now: DateTime<Utc>,
) -> Option<Value> {
    let (scheme, level) = level_of(directory, id, now.date_naive())?;
    Some(serde_json::json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": super::supports::MADE,
        "definition_type": "statement",
        "definition": { "statement": format!("{scheme} {level}") },
    }))
}

fn level_of<'a>(
    directory: &'a Directory,
    reference: &str,
    day: chrono::NaiveDate,
) -> Option<(&'a str, &'a str)> {
    directory.schemes(day).into_iter().find_map(|scheme| {
        scheme
            .levels
            .iter()
            .find(|level| level_marking_id(directory, &scheme.id, &level.level) == reference)
            .map(|level| (scheme.id.as_str(), level.level.as_str()))
    })
}
