//! From STIX objects back to the report they were made of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    INCIDENT_MEMBERS, PRACTICE_MEMBERS, REFERENCE_SOURCE, REPORT_EXTENSION, items, pattern, words,
};

/// Why objects do not give a report.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FromStixError {
    /// No `report` object carries the hub's extension.
    #[error("no report object carries the extension `{REPORT_EXTENSION}`")]
    NoReport,
    /// More than one does, and which one is meant is open.
    #[error("{0} report objects carry the extension `{REPORT_EXTENSION}`")]
    SeveralReports(usize),
    /// An object the report refers to is not among those given.
    #[error("`{0}` is referred to and missing")]
    MissingObject(String),
    /// An object lacks a property, or the property does not have the form [`super::to_stix`] gives it.
    #[error("`{property}` of `{id}` is missing or malformed")]
    Malformed {
        /// The object.
        id: String,
        /// The property, or the member of the extension.
        property: &'static str,
    },
}

/// Rebuilds the report that [`super::to_stix`] was given; the order of the objects does not matter.
///
/// Other objects may stand among them. The result has not been checked: posted objects may hold
/// anything, so it must pass `Report::from_value` before it is used as a report.
///
/// # Errors
/// [`FromStixError`] where objects are missing or not of the mapping's form.
pub fn from_stix(objects: &[Value]) -> Result<Value, FromStixError> {
    let reports: Vec<&Value> = objects
        .iter()
        .filter(|object| is_type(object, "report") && extension(object).is_some())
        .collect();
    let root = match reports.as_slice() {
        [] => return Err(FromStixError::NoReport),
        [root] => *root,
        several => return Err(FromStixError::SeveralReports(several.len())),
    };
    let parts = Parts { objects };
    let mut out = Map::new();
    let kind = items(root.get("report_types")).find_map(Value::as_str);
    out.insert(
        "kind".to_owned(),
        json!(
            kind.ok_or_else(|| malformed(root, "report_types"))?
                .replace('-', "_")
        ),
    );
    out.insert("title".to_owned(), parts.text(root, "name")?);
    out.insert("summary".to_owned(), parts.text(root, "description")?);
    let reference = items(root.get("external_references"))
        .find(|entry| entry.get("source_name").and_then(Value::as_str) == Some(REFERENCE_SOURCE))
        .and_then(|entry| entry.get("external_id"));
    out.extend(reference.map(|number| ("reference".to_owned(), number.clone())));
    let mut rest = extension(root)
        .cloned()
        .ok_or_else(|| malformed(root, "extensions"))?;
    rest.shift_remove("extension_type");
    let mut indicators = Positioned::new();
    for item in items(rest.shift_remove("other_indicators").as_ref()) {
        let mut item = item
            .as_object()
            .cloned()
            .ok_or_else(|| malformed(root, "other_indicators"))?;
        let position = item.shift_remove("position");
        let position = position
            .as_ref()
            .and_then(Value::as_u64)
            .ok_or_else(|| malformed(root, "position"))?;
        indicators.insert(position, Value::Object(item));
    }
    let empties = [("empty_objects", json!({})), ("empty_lists", json!([]))]
        .map(|(key, empty)| (rest.shift_remove(key).unwrap_or_default(), empty));
    // A posted extension must not speak for what the standard properties say.
    rest.retain(|key, _| !out.contains_key(key));
    out.extend(rest);

    let mut lists: BTreeMap<&'static str, Positioned> = BTreeMap::new();
    for id in items(root.get("object_refs")).filter_map(Value::as_str) {
        let object = parts.get(id)?;
        match object.get("type").and_then(Value::as_str) {
            Some("incident") => incident(object, &mut out)?,
            Some("course-of-action") => {
                let body = extension(object).ok_or_else(|| malformed(object, "extensions"))?;
                let list = match body.get("role").and_then(Value::as_str) {
                    Some("practice") => {
                        out.insert("practice".to_owned(), parts.text(object, "description")?);
                        copy(body, &PRACTICE_MEMBERS, &mut out);
                        continue;
                    }
                    Some("advisory") => {
                        copy(body, &["advisory"], &mut out);
                        continue;
                    }
                    Some("interim") => "interim",
                    Some("permanent") => "permanent",
                    Some("best_practice") => "best_practices",
                    _ => return Err(malformed(object, "role")),
                };
                let whole = if object.get("description").is_some() {
                    "description"
                } else {
                    "name"
                };
                lists
                    .entry(list)
                    .or_default()
                    .insert(position(object)?, parts.text(object, whole)?);
            }
            Some("indicator" | "vulnerability") => {
                indicators.insert(position(object)?, indicator(&parts, object)?);
            }
            _ => return Err(malformed(object, "type")),
        }
    }
    if !indicators.is_empty() {
        lists.insert("indicators", indicators);
    }
    place(lists, &mut out);
    for (pointers, empty) in empties {
        restore(&pointers, &empty, &mut out).ok_or_else(|| malformed(root, "empty_lists"))?;
    }
    Ok(Value::Object(out))
}

type Positioned = BTreeMap<u64, Value>;

struct Parts<'a> {
    objects: &'a [Value],
}

impl<'a> Parts<'a> {
    fn get(&self, id: &str) -> Result<&'a Value, FromStixError> {
        let found = self
            .objects
            .iter()
            .find(|object| object.get("id").and_then(Value::as_str) == Some(id));
        found.ok_or_else(|| FromStixError::MissingObject(id.to_owned()))
    }

    /// Reads a text with the translations of this very version of the object.
    fn text(&self, object: &Value, property: &'static str) -> Result<Value, FromStixError> {
        let translations: Vec<&Value> = self
            .objects
            .iter()
            .filter(|other| {
                is_type(other, "language-content")
                    && other.get("object_ref") == object.get("id")
                    && other.get("object_modified") == object.get("modified")
            })
            .collect();
        words::hear(object, &translations, property).ok_or_else(|| malformed(object, property))
    }
}

fn incident(object: &Value, out: &mut Map<String, Value>) -> Result<(), FromStixError> {
    let body = extension(object).ok_or_else(|| malformed(object, "extensions"))?;
    copy(body, &INCIDENT_MEMBERS, out);
    if let Some(severity) = body.get("severity_assessment") {
        out.insert("severity".to_owned(), severity.clone());
    }
    Ok(())
}

fn indicator(parts: &Parts<'_>, object: &Value) -> Result<Value, FromStixError> {
    let (kind, value) = if is_type(object, "vulnerability") {
        let name = object.get("name").and_then(Value::as_str);
        (
            "cve",
            name.ok_or_else(|| malformed(object, "name"))?.to_owned(),
        )
    } else {
        let pattern = object.get("pattern").and_then(Value::as_str);
        pattern
            .and_then(pattern::read)
            .ok_or_else(|| malformed(object, "pattern"))?
    };
    let submitted = extension(object)
        .and_then(|body| body.get("submitted_value"))
        .cloned();
    let mut item = Map::from_iter([
        ("type".to_owned(), json!(kind)),
        (
            "value".to_owned(),
            submitted.unwrap_or_else(|| json!(value)),
        ),
    ]);
    if object.get("description").is_some() {
        item.insert("note".to_owned(), parts.text(object, "description")?);
    }
    Ok(Value::Object(item))
}

fn place(lists: BTreeMap<&'static str, Positioned>, out: &mut Map<String, Value>) {
    for (key, list) in lists {
        let list = Value::Array(list.into_values().collect());
        if matches!(key, "interim" | "permanent") {
            let measures = out.entry("countermeasures").or_insert_with(|| json!({}));
            measures
                .as_object_mut()
                .map(|measures| measures.insert(key.to_owned(), list));
        } else {
            out.insert(key.to_owned(), list);
        }
    }
}

/// Puts empty containers back where pointers say; an outer one stands before an inner one.
fn restore(pointers: &Value, empty: &Value, out: &mut Map<String, Value>) -> Option<()> {
    let mut paths: Vec<&str> = items(Some(pointers))
        .map(Value::as_str)
        .collect::<Option<_>>()?;
    paths.sort_by_key(|path| path.len());
    for path in paths {
        let mut keys = path.strip_prefix('/')?.split('/');
        let last = keys.next_back()?;
        let mut members = &mut *out;
        for key in keys {
            members = members.get_mut(key)?.as_object_mut()?;
        }
        members.entry(last).or_insert_with(|| empty.clone());
    }
    Some(())
}

fn position(object: &Value) -> Result<u64, FromStixError> {
    let position = extension(object)
        .and_then(|body| body.get("position"))
        .and_then(Value::as_u64);
    position.ok_or_else(|| malformed(object, "position"))
}

fn copy(body: &Map<String, Value>, keys: &[&str], out: &mut Map<String, Value>) {
    out.extend(
        keys.iter()
            .filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone()))),
    );
}

fn extension(object: &Value) -> Option<&Map<String, Value>> {
    object.get("extensions")?.get(REPORT_EXTENSION)?.as_object()
}

fn is_type(object: &Value, kind: &str) -> bool {
    object.get("type").and_then(Value::as_str) == Some(kind)
}

fn malformed(object: &Value, property: &'static str) -> FromStixError {
    let id = object
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or("object without id");
    FromStixError::Malformed {
        id: id.to_owned(),
        property,
    }
}
