//! Parts of a STIX object: the references it holds, and the object without some of its parts. What
//! is left keeps its granular markings, with selectors that still resolve (STIX §7.2.3). Who may see
//! which part is decided elsewhere, and so is the id of what comes out: it is another object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::StixId;

/// Names on the object itself that are no references to other items: what it is, who made it, and
/// how it is marked, which goes with it.
const OWN: [&str; 4] = [
    "id",
    "created_by_ref",
    "object_marking_refs",
    "granular_markings",
];

/// Parts without which nothing is left of an object.
const WHOLE: [&str; 3] = ["id", "type", "spec_version"];

/// The ids of other objects that an object names, under whatever property, its extensions included:
/// custom properties name ids as they like. Its creator and its markings are no part of it.
///
/// ```
/// # use serde_json::json;
/// use sekisho::stix::portion::references;
/// let tool = "tool--00000000-0000-4000-8000-000000000001";
/// let note = json!({"type": "note", "object_refs": [tool], "created_by_ref": "identity--1"});
/// assert!(references(&note).iter().eq([tool]));
/// ```
#[must_use]
pub fn references(object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        if !OWN.contains(&name.as_str()) {
            collect(value, &mut found);
        }
    }
    if let Some(own) = object.get("id").and_then(Value::as_str) {
        found.remove(own);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if is_item(text) => {
            found.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            for (name, item) in members {
                // A dictionary may have ids for its keys.
                found.extend(is_item(name).then(|| name.clone()));
                collect(item, found);
            }
        }
        _ => {}
    }
}

/// Markings and extensions go with what uses them.
fn is_item(text: &str) -> bool {
    StixId::parse(text).is_some_and(|id| {
        !matches!(
            id.object_type(),
            "marking-definition" | "extension-definition"
        )
    })
}

/// The parts that an object marks by themselves: each marking with its selectors.
#[must_use]
pub fn marked_parts(object: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let list = object.get("granular_markings").and_then(Value::as_array);
    for entry in list.into_iter().flatten() {
        let Some(reference) = entry.get("marking_ref").and_then(Value::as_str) else {
            continue; // a language restricts nobody
        };
        let selectors = entry.get("selectors").and_then(Value::as_array);
        let selectors = selectors.into_iter().flatten().filter_map(Value::as_str);
        let part = parts.entry(reference.to_owned()).or_default();
        part.extend(selectors.map(str::to_owned));
    }
    parts
}

/// The object without the references that `hidden` names.
#[must_use]
pub fn without_references(object: &Value, hidden: &BTreeSet<String>) -> Value {
    let drop = |path: &str, value: &Value| {
        let top = path.split('.').next().unwrap_or_default();
        let key = path.rsplit('.').next().unwrap_or_default();
        !OWN.contains(&top)
            && (hidden.contains(key) || value.as_str().is_some_and(|text| hidden.contains(text)))
    };
    cut(object, &drop)
}

/// The object without the parts that these selectors select; `None` where they select what an
/// object cannot be without.
#[must_use]
pub fn without_parts(object: &Value, selectors: &BTreeSet<String>) -> Option<Value> {
    if selectors.iter().any(|part| WHOLE.contains(&part.as_str())) {
        return None;
    }
    Some(cut(object, &|path: &str, _: &Value| {
        selectors.contains(path)
    }))
}

fn cut(object: &Value, drop: &dyn Fn(&str, &Value) -> bool) -> Value {
    let mut moved = BTreeMap::new();
    let rest = rest_of(object, None, drop, &mut moved);
    let mut rest = rest.unwrap_or_else(|| Value::Object(Map::new()));
    let list = rest.get("granular_markings").and_then(Value::as_array);
    let kept: Vec<Value> = list
        .into_iter()
        .flatten()
        .filter_map(|entry| with_selectors(entry, &moved))
        .collect();
    if let Some(members) = rest.as_object_mut()
        && members.contains_key("granular_markings")
    {
        if kept.is_empty() {
            members.shift_remove("granular_markings");
        } else {
            members.insert("granular_markings".to_owned(), Value::Array(kept));
        }
    }
    rest
}

/// What is left of a value, where each kept part went from; `None` where nothing is left. The object
/// itself has no place.
fn rest_of(
    value: &Value,
    place: Option<(&str, &str)>,
    drop: &dyn Fn(&str, &Value) -> bool,
    moved: &mut BTreeMap<String, String>,
) -> Option<Value> {
    if place.is_some_and(|(from, _)| drop(from, value)) {
        return None;
    }
    let step = |path: Option<&str>, step: &str| match path {
        None => step.to_owned(),
        Some(path) => format!("{path}.{step}"),
    };
    let (from, to) = place.unzip();
    let rest = match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, member) in members {
                let places = (step(from, name), step(to, name));
                if let Some(rest) = rest_of(member, Some((&places.0, &places.1)), drop, moved) {
                    kept.insert(name.clone(), rest);
                }
            }
            if kept.is_empty() && !members.is_empty() {
                return None;
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            let mut kept = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let places = (
                    step(from, &format!("[{at}]")),
                    step(to, &format!("[{}]", kept.len())),
                );
                if let Some(rest) = rest_of(item, Some((&places.0, &places.1)), drop, moved) {
                    kept.push(rest);
                }
            }
            if kept.is_empty() && !items.is_empty() {
                return None;
            }
            Value::Array(kept)
        }
        other => other.clone(),
    };
    if let Some((from, to)) = place {
        moved.insert(from.to_owned(), to.to_owned());
    }
    Some(rest)
}

fn with_selectors(entry: &Value, moved: &BTreeMap<String, String>) -> Option<Value> {
    let selectors: Vec<Value> = entry
        .get("selectors")?
        .as_array()?
        .iter()
        .filter_map(|selector| moved.get(selector.as_str()?))
        .map(|selector| Value::String(selector.clone()))
        .collect();
    if selectors.is_empty() {
        return None;
    }
    let mut entry = entry.clone();
    entry
        .as_object_mut()?
        .insert("selectors".to_owned(), Value::Array(selectors));
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(kind: &str, n: u32) -> String {
        format!("{kind}--00000000-0000-4000-8000-{n:012}")
    }

    fn report() -> Value {
        json!({
            "type": "report", "id": id("report", 1), "created_by_ref": id("identity", 1),
            "name": "n", "description": "strict",
            "object_refs": [id("tool", 1), id("tool", 2), id("tool", 3)],
            "extensions": {id("extension-definition", 1): {"about_ref": id("tool", 2), "n": 1}},
            "x_list": [{"x_ref": id("tool", 2)}, {"x_ref": id("tool", 3)}],
            "object_marking_refs": [id("marking-definition", 1)],
            "granular_markings": [
                {"marking_ref": id("marking-definition", 2), "selectors": ["description"]},
                {"marking_ref": id("marking-definition", 3), "selectors": ["object_refs.[1]", "object_refs.[2]"]},
                {"lang": "ja", "selectors": ["name", "description"]},
            ],
        })
    }

    #[test]
    fn a_member_without_a_name_is_no_way_around() {
        let (kept, hidden) = (id("malware", 1), id("malware", 2));
        let mut object = report();
        object[""] = json!(hidden);
        object["object_refs"] = json!([kept]);
        let rest = without_references(&object, &BTreeSet::from([hidden]));
        assert!(rest.get("").is_none() && rest["object_refs"] == json!([kept]));
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        let found = references(&report());
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [id("tool", 1), id("tool", 2), id("tool", 3)]
        );
    }

    #[test]
    fn a_reference_goes_everywhere_and_selectors_follow() {
        let hidden = BTreeSet::from([id("tool", 2)]);
        let rest = without_references(&report(), &hidden);
        assert!(!rest.to_string().contains(&id("tool", 2)));
        assert_eq!(rest["object_refs"], json!([id("tool", 1), id("tool", 3)]));
        assert_eq!(rest["x_list"], json!([{"x_ref": id("tool", 3)}]));
        assert_eq!(
            rest["granular_markings"][1]["selectors"],
            json!(["object_refs.[1]"])
        );
        assert_eq!(rest["created_by_ref"], report()["created_by_ref"]);
        let all: BTreeSet<_> = (1..4).map(|n| id("tool", n)).collect();
        let rest = without_references(&report(), &all);
        assert!(rest.get("object_refs").is_none() && rest.get("x_list").is_none());
        assert_eq!(rest["granular_markings"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn an_id_that_is_a_key_is_a_reference_too() {
        let (shown, hidden) = (id("tool", 1), id("tool", 2));
        let mut tool = report();
        tool["x_scores"] = json!({ &shown: 1, &hidden: {"of": 2} });
        assert!(references(&tool).contains(&hidden));
        let rest = without_references(&tool, &BTreeSet::from([hidden.clone()]));
        assert!(!rest.to_string().contains(&hidden));
        assert_eq!(rest["x_scores"], json!({ shown: 1 }));
    }

    #[test]
    fn a_part_goes_with_its_selectors_and_the_rest_keeps_its_own() {
        let part = BTreeSet::from(["description".to_owned()]);
        let rest = without_parts(&report(), &part).unwrap();
        assert!(rest.get("description").is_none());
        assert_eq!(
            rest["granular_markings"],
            json!([
                {"marking_ref": id("marking-definition", 3), "selectors": ["object_refs.[1]", "object_refs.[2]"]},
                {"lang": "ja", "selectors": ["name"]},
            ])
        );
        assert_eq!(
            without_parts(&report(), &BTreeSet::from(["id".to_owned()])),
            None
        );
        let parts = marked_parts(&report());
        assert_eq!(parts[&id("marking-definition", 2)], part);
        assert_eq!(parts.len(), 2, "a language is none");
    }
}
