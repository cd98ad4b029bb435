//! The granular selector: the first line selects, the rest is the object. A walk over the object,
//! which shares no code with the resolver, says what each selector must find.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use sekisho::stix::json::{Limits, parse};
use sekisho::stix::portion::without_parts;
use sekisho::stix::{resolve_selector, validate};
use serde_json::{Value, json};

fuzz_target!(|data: &str| {
    let (selector, rest) = data
        .split_once('\n')
        .unwrap_or((data, r#"{"a":["b",{"c":1}]}"#));
    let Ok(object) = parse(rest.as_bytes(), &Limits::default()) else {
        return;
    };
    let mut parts = BTreeMap::new();
    if object.is_object() {
        walk(&object, "", &mut parts);
    }
    for (path, part) in &parts {
        let found = resolve_selector(&object, path);
        assert!(
            found.is_some_and(|found| std::ptr::eq(found, *part)),
            "{path:?}"
        );
        assert!(resolve_selector(&object, &format!("{path}.")).is_none_or(|_| has_empty(part)));
    }
    if !object.is_object() {
        return;
    }
    let found = resolve_selector(&object, selector);
    let expected = parts.get(selector).copied();
    assert_eq!(
        found.map(std::ptr::from_ref),
        expected.map(std::ptr::from_ref),
        "{selector:?}"
    );

    // The validator says of a marking what the resolver says.
    let mut marked = object.clone();
    marked["granular_markings"] = json!([{"lang": "ja", "selectors": [selector]}]);
    let points = resolve_selector(&marked, selector).is_some();
    marked["type"] = "note".into();
    let refused = validate(&marked).is_err_and(|list| {
        let place = "/granular_markings/0/selectors/0";
        list.iter().any(|one| one.pointer == place) || list.len() >= 40
    });
    assert!(
        refused || points || selector == "type",
        "{selector:?} selects nothing and passes"
    );

    let Some(left) = without_parts(&object, &BTreeSet::from([selector.to_owned()])) else {
        return;
    };
    let mut kept = BTreeMap::new();
    walk(&left, "", &mut kept);
    match expected {
        // A name with a full stop, which no valid object has, goes with the path it looks like.
        None if dotted(&object) => {}
        None => assert_eq!(left, object, "what selects nothing takes something"),
        Some(_) => assert!(kept.len() < parts.len(), "{selector:?} stays"),
    }
});

/// Whether a name somewhere in it holds a full stop.
fn dotted(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, member)| name.contains('.') || dotted(member)),
        Value::Array(items) => items.iter().any(dotted),
        _ => false,
    }
}

fn has_empty(part: &Value) -> bool {
    part.get("").is_some()
}

/// Every part with its selector; names with a full stop cannot be selected (STIX 3.1).
fn walk<'a>(value: &'a Value, path: &str, parts: &mut BTreeMap<String, &'a Value>) {
    let below = |step: String| {
        if path.is_empty() {
            step
        } else {
            format!("{path}.{step}")
        }
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members
                .iter()
                .filter(|(name, _)| !name.contains('.') && !name.is_empty())
            {
                parts.insert(below(name.clone()), member);
                walk(member, &below(name.clone()), parts);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                parts.insert(below(format!("[{at}]")), item);
                walk(item, &below(format!("[{at}]")), parts);
            }
        }
        _ => {}
    }
}
