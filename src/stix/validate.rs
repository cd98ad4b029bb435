//! The ingest validator: does an object from outside keep the rules of STIX 2.1 that say MUST?
//! What the standard does not know (custom types, properties, extensions) is carried and not
//! judged. What a hub cannot know from one object (earlier versions, who may revoke, circles of
//! markings) is checked where the store is at hand.

use serde_json::{Map, Value};

use super::consistency;
use super::id::{self, Class, StixId};
use super::json::Place;
use super::marking;
use super::property;
use super::selector;
use super::shape::{self, COMMON, Column, Presence};

/// The most violations reported for one object; more say nothing new.
pub const VIOLATIONS_MAX: usize = 50;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at `{pointer}` ({rule})")]
pub struct Violation {
    /// JSON pointer of the value at fault; a missing property has the pointer it would have.
    pub pointer: String,
    /// The clause and the property, as `STIX 3.2 created`.
    pub rule: String,
    /// What is wrong, for people; never repeats the content.
    pub message: String,
}

impl Violation {
    pub(super) fn new(pointer: &str, rule: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.to_owned(),
            rule: rule.to_owned(),
            message: message.into(),
        }
    }
}

/// Collects violations up to [`VIOLATIONS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Violation>,
    /// The object says that its addresses are broken on purpose (§3.2 `defanged`).
    pub(super) defanged: bool,
}

impl Findings {
    /// Adds a finding under a clause of STIX 2.1.
    pub(super) fn push(&mut self, place: &Place<'_>, clause: &str, name: &str, message: &str) {
        if self.list.len() < VIOLATIONS_MAX {
            self.list.push(Violation {
                pointer: place.pointer(),
                rule: format!("STIX {clause} {name}"),
                message: format!("`{name}` {message}"),
            });
        }
    }

    /// Adds a finding with a rule of its own.
    pub(super) fn add(&mut self, violation: Violation) {
        if self.list.len() < VIOLATIONS_MAX {
            self.list.push(violation);
        }
    }

    pub(super) fn into_list(self) -> Vec<Violation> {
        self.list
    }
}

/// Checks one object against STIX 2.1.
///
/// # Errors
/// The violations found, at least one, at most [`VIOLATIONS_MAX`].
///
/// ```
/// # use serde_json::json;
/// use sekisho::stix::validate;
/// let mut object = json!({
///     "type": "ipv4-addr", "id": "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4",
///     "value": "198.51.100.3",
/// });
/// assert!(validate(&object).is_ok());
/// object["value"] = json!(7);
/// assert_eq!(validate(&object).unwrap_err()[0].rule, "STIX 6.8 value");
/// ```
pub fn validate(object: &Value) -> Result<(), Vec<Violation>> {
    let mut findings = Findings::default();
    check(object, &mut findings);
    let list = findings.into_list();
    if list.is_empty() { Ok(()) } else { Err(list) }
}

fn check(object: &Value, findings: &mut Findings) {
    let Some(members) = object.as_object() else {
        let message = "is not an object";
        findings.push(&Place::Root, "3", "object", message);
        return;
    };
    let Some(object_type) = identity(members, findings) else {
        return;
    };
    let column = column(object_type, members);
    findings.defanged =
        column == Column::Sco && members.get("defanged").and_then(Value::as_bool) == Some(true);
    common(members, column, findings);
    let shape = shape::shape(object_type);
    if let Some(shape) = shape {
        property::members(
            members,
            shape.properties,
            &Place::Root,
            shape.clause,
            findings,
        );
        consistency::order(members, shape, findings);
        consistency::check(object_type, members, shape, findings);
    }
    if column == Column::Sco {
        observable_id(object, members, findings);
    }
    custom(members, shape, findings);
    if let Some(extensions) = members.get("extensions") {
        consistency::extensions(extensions, findings);
    }
    if let Some(list) = members.get("granular_markings") {
        selector::check(object, list, findings);
    }
    if column == Column::Marking {
        marking::claims(object, findings);
    }
    empties(object, &Place::Root, findings);
}

/// Checks `type` and `id`, without which nothing else can be judged.
fn identity<'a>(members: &'a Map<String, Value>, findings: &mut Findings) -> Option<&'a str> {
    let type_place = Place::Member(&Place::Root, "type");
    let id_place = Place::Member(&Place::Root, "id");
    let Some(object_type) = members.get("type").and_then(Value::as_str) else {
        findings.push(&type_place, "3.2", "type", "is required, as a string");
        return None;
    };
    if object_type == "bundle" {
        findings.push(
            &type_place,
            "8",
            "type",
            "is a bundle, which is no STIX Object: post its `objects` themselves",
        );
        return None;
    }
    if !id::is_type_name(object_type) {
        findings.push(&type_place, "3.1", "type", "is no type name");
        return None;
    }
    match members.get("id").and_then(Value::as_str).map(StixId::parse) {
        None => findings.push(&id_place, "3.2", "id", "is required, as a string"),
        Some(None) => findings.push(&id_place, "2.9", "id", "is no STIX identifier"),
        Some(Some(id)) if id.object_type() != object_type => {
            findings.push(&id_place, "2.9", "id", "does not begin with the type");
        }
        Some(Some(_)) => {}
    }
    Some(object_type)
}

/// Picks the column of the common table; a custom type may say its class in an extension (§7.3).
fn column(object_type: &str, members: &Map<String, Value>) -> Column {
    match (id::class(object_type), object_type) {
        (Class::Sdo, _) => Column::Sdo,
        (Class::Sro, _) => Column::Sro,
        (Class::Sco, _) => Column::Sco,
        (Class::Meta, "extension-definition") => Column::Extension,
        (Class::Meta, "language-content") => Column::Language,
        (Class::Meta, _) => Column::Marking,
        (Class::Custom, _) => {
            let extensions = members.get("extensions").and_then(Value::as_object);
            let kinds = extensions
                .into_iter()
                .flat_map(Map::values)
                .filter_map(|body| body.get("extension_type").and_then(Value::as_str));
            for kind in kinds {
                match kind {
                    "new-sdo" => return Column::Sdo,
                    "new-sro" => return Column::Sro,
                    "new-sco" => return Column::Sco,
                    _ => {}
                }
            }
            Column::Unclassed
        }
    }
}

fn common(members: &Map<String, Value>, column: Column, findings: &mut Findings) {
    for &(name, kind, cells) in COMMON {
        let place = Place::Member(&Place::Root, name);
        match (members.get(name), shape::presence(cells, column)) {
            (None, Presence::Required) if !matches!(name, "type" | "id") => {
                findings.push(&place, "3.2", name, "is required");
            }
            (Some(_), Presence::Never) => {
                findings.push(&place, "3.2", name, "is not applicable to this type");
            }
            (Some(value), _) => property::check(value, kind, &place, "3.2", name, findings),
            (None, _) => {}
        }
    }
    let later = members.get("modified").and_then(Value::as_str);
    let earlier = members.get("created").and_then(Value::as_str);
    if let (Some(modified), Some(created)) = (later, earlier)
        && super::timestamp::compare(modified, created).is_some_and(std::cmp::Ordering::is_lt)
    {
        let place = Place::Member(&Place::Root, "modified");
        findings.push(&place, "3.2", "modified", "is before `created`");
    }
    consistency::external_references(members, findings);
    if column == Column::Marking {
        let own = members.get("id");
        let refs = members.get("object_marking_refs").and_then(Value::as_array);
        if refs.is_some_and(|refs| refs.iter().any(|reference| Some(reference) == own)) {
            let place = Place::Member(&Place::Root, "object_marking_refs");
            findings.push(&place, "3.2", "object_marking_refs", "marks itself");
        }
    }
}

/// An observable without any contributing content has a random id (§2.9). That a deterministic id
/// fits its content is only a SHOULD, and such objects are carried.
fn observable_id(object: &Value, members: &Map<String, Value>, findings: &mut Findings) {
    let known = members
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| id::class(kind) == Class::Sco);
    let Some(id) = members
        .get("id")
        .and_then(Value::as_str)
        .and_then(StixId::parse)
    else {
        return;
    };
    if known && id::contributing_content(object).is_none() && id.uuid().get_version_num() != 4 {
        let place = Place::Member(&Place::Root, "id");
        findings.push(
            &place,
            "2.9",
            "id",
            "must be UUIDv4: nothing contributes to it",
        );
    }
}

/// Checks the names, and by their suffix the kinds, of properties the standard does not define.
fn custom(members: &Map<String, Value>, shape: Option<&shape::Shape>, findings: &mut Findings) {
    const RESERVED: [&str; 4] = ["severity", "username", "phone_number", "action"];
    let defined = |name: &str| {
        COMMON.iter().any(|(common, ..)| *common == name)
            || shape.is_some_and(|shape| shape.properties.iter().any(|own| own.name == name))
    };
    for (name, value) in members {
        if defined(name) {
            continue;
        }
        let place = Place::Member(&Place::Root, name);
        if RESERVED.contains(&name.as_str()) {
            findings.push(&place, "3.8", name, "is a reserved name");
        } else {
            property::named(value, name, &place, findings);
        }
    }
}

/// Finds nulls, empty lists and empty dictionaries anywhere: absence is written by leaving out.
fn empties(value: &Value, place: &Place<'_>, findings: &mut Findings) {
    match value {
        Value::Null => findings.push(place, "2", "null", "is no STIX value"),
        Value::Array(items) if items.is_empty() => {
            findings.push(place, "2.12", "list", "is empty");
        }
        Value::Object(members) if members.is_empty() => {
            findings.push(place, "2.3", "dictionary", "is empty");
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                empties(item, &Place::Item(place, at), findings);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                empties(member, &Place::Member(place, name), findings);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
