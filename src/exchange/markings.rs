//! Which level a posted STIX object asks for, from its markings.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::access::Caller;
use super::facts;
use super::intake::Asked;
use super::refusal::Refusal;
use crate::council::Directory;
use crate::handling::{Form, Tlp};
use crate::stix::marking;
use crate::store::NewObject;

/// The published markings that posted objects name: they go with the objects, since many clients do
/// not know those of TLP 2.0.
///
/// # Errors
/// When an object that was stored is no JSON.
pub(super) fn published_markings<'a>(
    objects: impl Iterator<Item = &'a NewObject>,
) -> Result<Vec<Value>, Refusal> {
    let mut ids = BTreeSet::new();
    for object in objects.filter(|object| object.form == Form::Identified.word()) {
        ids.extend(marking::references(&serde_json::from_str(&object.bytes)?));
    }
    Ok(ids.iter().filter_map(|id| marking::published(id)).collect())
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

/// What the object's markings ask for.
///
/// TLP by marking and by `tlp:` label count alike, and the strictest of several wins, parts
/// included: served whole, an object is as strict as its strictest part.
///
/// # Errors
/// When it carries two different levels, or the level of another body's scheme.
pub fn asked_by_object<'a>(
    caller: &'a Caller,
    object: &Value,
    now: chrono::NaiveDate,
) -> Result<Asked<'a>, Refusal> {
    let directory = &caller.directory;
    let mut asked = Asked {
        facts: Some(facts::of_object(caller, object, now)),
        ..Asked::default()
    };
    let mut tlp: Option<Tlp> = None;
    for reference in marking::references(object) {
        if let Some(found) = marking::tlp_of_marking(&reference) {
            tlp = tlp.max(Some(found));
        } else if let Some(level) = level_of(directory, &reference, now) {
            if asked.level.is_some_and(|earlier| earlier != level) {
                return Err(Refusal::fault(
                    "/object_marking_refs",
                    "handling.level",
                    "the object carries two handling levels",
                ));
            }
            asked.level = Some(level);
        } else {
            // PAP, statements and the rest are obligations the hub does not yet read: hold.
            asked.unknown_marking = true;
        }
    }
    for label in object
        .get("labels")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some(label) = label.as_str() else {
            continue;
        };
        if label.to_ascii_lowercase().starts_with("tlp:") {
            match label.parse::<Tlp>() {
                Ok(found) => tlp = tlp.max(Some(found)),
                Err(_) => asked.unknown_marking = true,
            }
        }
    }
    asked.tlp = tlp;
    Ok(asked)
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
