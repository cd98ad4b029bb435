//! Granular markings (STIX §7.2.3): their members, and selectors that must resolve on the very
//! object. What a resolved marking means for a reader is decided in `handling`.

use serde_json::Value;

use super::json::Place;
use super::property;
use super::shape::{Kind, Target};
use super::validate::Findings;

/// Resolves a selector; `None` if it is malformed or the object has no such part.
///
/// ```
/// # use serde_json::json;
/// use sekisho::stix::resolve_selector;
/// let object = json!({"labels": ["a", "b"], "name": "n"});
/// assert_eq!(resolve_selector(&object, "labels.[1]"), Some(&json!("b")));
/// assert_eq!(resolve_selector(&object, "name.[0]"), None);
/// ```
#[must_use]
pub fn resolve_selector<'a>(object: &'a Value, selector: &str) -> Option<&'a Value> {
    // Neither property names nor dictionary keys hold a full stop, so splitting is unambiguous.
    let mut here = object;
    for step in selector.split('.') {
        here = match here {
            _ if step.is_empty() => return None, // no name is empty
            Value::Object(members) => members.get(step)?,
            Value::Array(items) => items.get(index(step)?)?,
            _ => return None,
        };
    }
    Some(here)
}

fn index(step: &str) -> Option<usize> {
    let digits = step.strip_prefix('[')?.strip_suffix(']')?;
    let plain = digits == "0" || !digits.starts_with('0');
    let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && numeric).then(|| digits.parse().ok()).flatten()
}

/// Checks `granular_markings` as a whole.
pub(super) fn check(object: &Value, list: &Value, findings: &mut Findings) {
    const CLAUSE: &str = "7.2.3";
    let place = Place::Member(&Place::Root, "granular_markings");
    let Some(markings) = list.as_array() else {
        findings.push(&place, CLAUSE, "granular_markings", "is not a list");
        return;
    };
    for (at, marking) in markings.iter().enumerate() {
        let place = Place::Item(&place, at);
        let Some(members) = marking.as_object() else {
            findings.push(&place, CLAUSE, "granular_markings", "is not an object");
            continue;
        };
        match (members.get("marking_ref"), members.get("lang")) {
            (Some(reference), None) => {
                let place = Place::Member(&place, "marking_ref");
                let kind = Kind::Ref(Target::Types(&["marking-definition"]));
                property::check(reference, kind, &place, CLAUSE, "marking_ref", findings);
                let own = object.get("type").and_then(Value::as_str) == Some("marking-definition");
                if own && object.get("id") == Some(reference) {
                    findings.push(&place, CLAUSE, "marking_ref", "marks itself");
                }
            }
            (None, Some(lang)) => {
                let place = Place::Member(&place, "lang");
                property::check(lang, Kind::Lang, &place, CLAUSE, "lang", findings);
            }
            _ => {
                let message = "needs exactly one of `marking_ref` and `lang`";
                findings.push(&place, CLAUSE, "granular_markings", message);
            }
        }
        let place = Place::Member(&place, "selectors");
        let Some(selectors) = members.get("selectors").and_then(Value::as_array) else {
            findings.push(&place, CLAUSE, "selectors", "is not a list of selectors");
            continue;
        };
        if selectors.is_empty() {
            findings.push(&place, CLAUSE, "selectors", "selects nothing");
        }
        for (at, selector) in selectors.iter().enumerate() {
            let found = selector
                .as_str()
                .and_then(|text| resolve_selector(object, text));
            if found.is_none() {
                let place = Place::Item(&place, at);
                findings.push(&place, CLAUSE, "selectors", "selects no part of the object");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({
            "id": "tool--1", "description": "d", "labels": ["a"],
            "external_references": [{"source_name": "s"}],
            "hashes": {"SHA-256": "x"},
            "extensions": {"extension-definition--1": {"prop": [1]}},
        })
    }

    #[test]
    fn a_selector_resolves_on_the_object_or_is_refused() {
        for good in [
            "id",
            "labels",
            "labels.[0]",
            "external_references.[0].source_name",
            "hashes.SHA-256",
            "extensions.extension-definition--1.prop.[0]",
        ] {
            assert!(resolve_selector(&object(), good).is_some(), "{good}");
        }
        for bad in [
            "",
            "pattern",
            "labels.name",
            "description.[0]",
            "labels.[1]",
            "labels.0",
            "labels.[00]",
            "labels.[-1]",
            "labels.[]",
            "labels.",
            ".labels",
            "external_references.source_name",
            "labels.[99999999999999999999999]",
            "hashes.[0]",
            "[0]",
        ] {
            assert!(resolve_selector(&object(), bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_granular_marking_has_a_marking_or_a_language_and_not_both() {
        const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
        let faults = |list: Value| {
            let mut findings = Findings::default();
            check(&object(), &list, &mut findings);
            findings.into_list()
        };
        assert!(faults(json!([{"marking_ref": RED, "selectors": ["labels"]}])).is_empty());
        assert!(faults(json!([{"lang": "ja-Jpan", "selectors": ["description"]}])).is_empty());
        for bad in [
            json!([{"marking_ref": RED, "lang": "ja", "selectors": ["labels"]}]),
            json!([{"selectors": ["labels"]}]),
            json!([{"marking_ref": RED}]),
            json!([{"marking_ref": RED, "selectors": []}]),
            json!([{"marking_ref": RED, "selectors": "labels"}]),
            json!([{"marking_ref": RED, "selectors": [1]}]),
            json!([{"marking_ref": "tool--e828b379-4e03-4974-9ac4-e53a884c97c1", "selectors": ["labels"]}]),
            json!([{"lang": "日本語", "selectors": ["labels"]}]),
            json!([7]),
            json!({}),
        ] {
            assert_eq!(faults(bad.clone()).len(), 1, "{bad}");
        }
        let faults = faults(json!([{"marking_ref": RED, "selectors": ["id", "pattern"]}]));
        assert_eq!(faults[0].pointer, "/granular_markings/0/selectors/1");
        assert_eq!(faults[0].rule, "STIX 7.2.3 selectors");
    }
}
