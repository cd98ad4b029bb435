//! TLP markings in STIX: the five marking definitions of TLP 2.0, the four of TLP 1, the one
//! OpenCTI adds, and those of PAP. What a published marking means is decided by its id alone; a body
//! is never believed. Definitions that sources make themselves are read in `marking/read.rs`. Which rule
//! follows from a marking is the business of `handling`.

mod read;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::handling::{Pap, Tlp};
use crate::stix::id::StixId;
use crate::stix::validate::{Findings, Violation};

pub use read::{HANDLING_EXTENSION, Iep, Label, Meaning, label, meaning};

/// The extension that carries `tlp_2_0` (OASIS common objects, version 1.0.0).
pub const TLP_2_EXTENSION: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// The extension that carries `pap` (OASIS common objects, draft).
pub const PAP_EXTENSION: &str = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b";

const TLP_2_CREATED: &str = "2022-10-01T00:00:00.000Z";
const TLP_1_CREATED: &str = "2017-01-20T00:00:00.000Z";

/// TLP 1 (STIX §7.2.1.4): id, level in TLP 2.0, word.
const TLP_1: [(&str, Tlp, &str); 4] = [
    (
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        Tlp::Clear,
        "white",
    ),
    (
        "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
        Tlp::Green,
        "green",
    ),
    (
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
        Tlp::Amber,
        "amber",
    ),
    (
        "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
        Tlp::Red,
        "red",
    ),
];

/// OpenCTI's own id for AMBER+STRICT, which TLP 1 lacks.
const OPENCTI_AMBER_STRICT: &str = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37";

/// PAP: id, level, word, day it was published. The one that is written comes first.
const PAP: [(&str, Pap, &str, &str); 5] = [
    (
        "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92",
        Pap::Clear,
        "clear",
        "2022-10-01",
    ),
    (
        "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9",
        Pap::Green,
        "green",
        "2022-10-09",
    ),
    (
        "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab",
        Pap::Amber,
        "amber",
        "2022-10-02",
    ),
    (
        "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e",
        Pap::Red,
        "red",
        "2022-10-06",
    ),
    (
        "marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730",
        Pap::Clear,
        "white",
        "2022-10-01",
    ),
];

/// The id of the TLP 2.0 marking definition of a level.
///
/// ```
/// use sekisho::{handling::Tlp, stix::marking};
/// for tlp in Tlp::ALL {
///     assert_eq!(marking::tlp_of_marking(marking::tlp_id(tlp)), Some(tlp));
/// }
/// ```
#[must_use]
pub const fn tlp_id(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::Clear => "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
        Tlp::Green => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        Tlp::Amber => "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        Tlp::AmberStrict => "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        Tlp::Red => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
    }
}

/// The level a marking id stands for: the five of TLP 2.0, and the four of TLP 1 as the TLP 2.0
/// level of the same colour (WHITE is CLEAR), with OpenCTI's addition. `None` for every other id.
#[must_use]
pub fn tlp_of_marking(id: &str) -> Option<Tlp> {
    if id == OPENCTI_AMBER_STRICT {
        return Some(Tlp::AmberStrict);
    }
    let second = Tlp::ALL.into_iter().find(|&tlp| tlp_id(tlp) == id);
    second.or_else(|| {
        TLP_1
            .iter()
            .find(|(known, ..)| *known == id)
            .map(|&(_, tlp, _)| tlp)
    })
}

/// The level of a PAP marking id; the former WHITE is CLEAR.
#[must_use]
pub fn pap_of_marking(id: &str) -> Option<Pap> {
    PAP.iter()
        .find(|(known, ..)| *known == id)
        .map(|&(_, pap, ..)| pap)
}

/// The published PAP marking definition of a level.
#[must_use]
pub fn pap_marking(pap: Pap) -> Option<Value> {
    PAP.iter()
        .find(|(_, level, ..)| *level == pap)
        .map(pap_body)
}

fn pap_body(&(id, _, word, day): &(&str, Pap, &str, &str)) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": format!("{day}T00:00:00.000Z"),
        "name": format!("PAP:{}", word.to_ascii_uppercase()),
        "extensions": {
            PAP_EXTENSION: { "extension_type": "property-extension", "pap": word }
        }
    })
}

/// The published TLP 2.0 marking definition of a level.
#[must_use]
pub fn tlp_marking(tlp: Tlp) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": tlp_id(tlp),
        "created": TLP_2_CREATED,
        "name": tlp.label(),
        "extensions": {
            TLP_2_EXTENSION: {
                "extension_type": "property-extension",
                "tlp_2_0": tlp.word().to_ascii_lowercase(),
            }
        }
    })
}

/// The four TLP 1 marking definitions (STIX §7.2.1.4), WHITE first.
#[must_use]
pub fn tlp_1_markings() -> Vec<Value> {
    TLP_1
        .iter()
        .map(|&(id, _, word)| tlp_1_marking(id, word))
        .collect()
}

fn tlp_1_marking(id: &str, word: &str) -> Value {
    json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": id,
        "created": TLP_1_CREATED,
        "definition_type": "tlp",
        "name": format!("TLP:{}", word.to_ascii_uppercase()),
        "definition": { "tlp": word },
    })
}

/// The body the hub serves under a published id, whatever anybody posted under it.
#[must_use]
pub fn published(id: &str) -> Option<Value> {
    if let Some(tlp) = Tlp::ALL.into_iter().find(|&tlp| tlp_id(tlp) == id) {
        return Some(tlp_marking(tlp));
    }
    if let Some(&(id, _, word)) = TLP_1.iter().find(|(known, ..)| *known == id) {
        return Some(tlp_1_marking(id, word));
    }
    if let Some(known) = PAP.iter().find(|(known, ..)| *known == id) {
        return Some(pap_body(known));
    }
    (id == OPENCTI_AMBER_STRICT).then(|| {
        let label = Tlp::AmberStrict.label();
        json!({
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": id,
            "created": TLP_2_CREATED,
            "name": label,
            "definition_type": "statement",
            "definition": { "statement": label },
        })
    })
}

/// Lists the marking definitions an object names, on itself and on its parts, without repeats and
/// sorted. A text that is no identifier is listed too: dropping it would widen.
#[must_use]
pub fn references(object: &Value) -> Vec<String> {
    let whole = object.get("object_marking_refs").and_then(Value::as_array);
    let parts = object.get("granular_markings").and_then(Value::as_array);
    let part_refs = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part.get("marking_ref"));
    let names = whole.into_iter().flatten().chain(part_refs);
    let set: BTreeSet<String> = names
        .map(|name| {
            name.as_str()
                .map_or_else(|| name.to_string(), str::to_owned)
        })
        .collect();
    set.into_iter().collect()
}

/// Finds a circle of marking definitions that mark each other (STIX §3.2), given the definitions
/// the hub knows. `marks` answers with the markings of a definition by its id.
#[must_use]
pub fn circular(object: &Value, marks: &dyn Fn(&str) -> Vec<String>) -> bool {
    let Some(id) = object.get("id").and_then(Value::as_str) else {
        return false;
    };
    if object.get("type").and_then(Value::as_str) != Some("marking-definition") {
        return false;
    }
    let mut open = references(object);
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if next == id {
            return true;
        }
        if seen.insert(next.clone()) {
            open.extend(marks(&next));
        }
    }
    false
}

/// The fault of a body posted under a published id that claims another level than the id has, in
/// any of the places where tools write it. A body that only looks otherwise (WHITE renamed CLEAR, a
/// tool's own properties) is no fault: nothing of it is kept.
#[must_use]
pub fn contradiction(object: &Value) -> Option<Violation> {
    let id = object.get("id").and_then(Value::as_str)?;
    let stands_for = match (tlp_of_marking(id), pap_of_marking(id)) {
        (Some(tlp), _) => Label::Tlp(tlp),
        (None, Some(pap)) => Label::Pap(pap),
        (None, None) => return None,
    };
    let prefix = match stands_for {
        Label::Tlp(_) => "tlp",
        _ => "pap",
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let plain = |kind: &&str| !matches!(*kind, "tlp" | "TLP" | "pap" | "PAP" | "statement");
    let whole = [
        text("name"),
        text("x_opencti_definition"),
        text("definition_type").filter(plain),
    ];
    let mut claimed: Vec<Option<Label>> = whole.into_iter().flatten().map(label).collect();
    // A statement may be any words; `tlp`, `tlp_2_0` and `pap` are words of a scale.
    let statement = object
        .get("definition")
        .and_then(|body| body.get("statement"));
    claimed.extend(statement.and_then(Value::as_str).and_then(label).map(Some));
    let extensions = object.get("extensions").and_then(Value::as_object);
    let bodies = extensions
        .into_iter()
        .flat_map(|all| all.values())
        .chain(object.get("definition"))
        .chain([object]);
    for body in bodies {
        for (key, prefix) in [("tlp", "tlp"), ("tlp_2_0", "tlp"), ("pap", "pap")] {
            if let Some(word) = body.get(key) {
                let word = word.as_str().unwrap_or_default();
                claimed.push(label(&format!("{prefix}:{word}")));
            }
        }
    }
    let agrees = claimed.iter().all(|claim| *claim == Some(stands_for));
    (!agrees).then(|| {
        let message = format!("`{id}` is published with another level");
        Violation::new("", rule_of(prefix), message)
    })
}

fn rule_of(prefix: &str) -> &'static str {
    if prefix == "tlp" {
        "TLP 2.0 STIX marking"
    } else {
        "PAP STIX marking"
    }
}

/// Checks what a posted marking definition claims about TLP and PAP: a published id has its own
/// level, and no other id claims one in the published way.
pub(super) fn claims(object: &Value, findings: &mut Findings) {
    let Some(id) = object.get("id").and_then(Value::as_str) else {
        return;
    };
    if tlp_of_marking(id).is_some() || pap_of_marking(id).is_some() {
        if let Some(fault) = contradiction(object) {
            findings.add(fault);
        }
        return;
    }
    let tlp_1 = object.get("definition_type").and_then(Value::as_str) == Some("tlp")
        || object
            .get("definition")
            .is_some_and(|body| body.get("tlp").is_some());
    if tlp_1 {
        let message = "only the four published objects may carry `tlp`";
        findings.add(Violation::new("/definition_type", "STIX 7.2.1.4", message));
    }
    // Under whatever extension: a consumer might look for the name alone.
    let extensions = object.get("extensions").and_then(Value::as_object);
    let carries = |key: &str, name: &str| {
        object.get(name).is_some()
            || extensions.is_some_and(|all| {
                all.contains_key(key) || all.values().any(|body| body.get(name).is_some())
            })
    };
    for (key, name, prefix) in [
        (TLP_2_EXTENSION, "tlp_2_0", "tlp"),
        (PAP_EXTENSION, "pap", "pap"),
    ] {
        if carries(key, name) {
            let message = format!("only the published objects may carry `{name}`");
            findings.add(Violation::new("/extensions", rule_of(prefix), message));
        }
    }
}

/// Tells whether an id is one of the published TLP or PAP markings, which every hub knows.
#[must_use]
pub fn is_published(id: &StixId) -> bool {
    tlp_of_marking(id.as_str()).is_some() || pap_of_marking(id.as_str()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stix::validate::validate;

    fn rules(object: &Value) -> Vec<String> {
        let faults = validate(object).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn the_clear_marking_is_written_as_published() {
        assert_eq!(
            serde_json::to_string(&tlp_marking(Tlp::Clear)).unwrap(),
            concat!(
                r#"{"type":"marking-definition","spec_version":"2.1","#,
                r#""id":"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487","#,
                r#""created":"2022-10-01T00:00:00.000Z","name":"TLP:CLEAR","extensions":{"#,
                r#""extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":"#,
                r#"{"extension_type":"property-extension","tlp_2_0":"clear"}}}"#
            )
        );
    }

    #[test]
    fn nine_ids_give_a_level_and_a_truncated_one_does_not() {
        assert_eq!(tlp_1_markings().len(), 4);
        for tlp in Tlp::ALL {
            assert_eq!(tlp_of_marking(tlp_id(tlp)), Some(tlp));
        }
        let white = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9";
        assert_eq!(tlp_of_marking(white), Some(Tlp::Clear));
        assert_eq!(tlp_of_marking("marking-definition--55d92"), None);
        assert_eq!(tlp_of_marking(&tlp_id(Tlp::Red).to_uppercase()), None);
    }

    #[test]
    fn the_published_nine_are_valid_and_any_change_to_them_is_not() {
        let nine = Tlp::ALL
            .into_iter()
            .map(tlp_marking)
            .chain(tlp_1_markings());
        for body in nine {
            assert!(rules(&body).is_empty(), "{body}");
            let mut renamed = body.clone();
            renamed["name"] = json!("TLP:OTHER");
            assert!(rules(&renamed).contains(&"TLP 2.0 STIX marking".to_owned()));
            let mut typed = body.clone();
            typed["definition_type"] = json!("TLP:CLEAR");
            let clear = tlp_of_marking(body["id"].as_str().unwrap()) == Some(Tlp::Clear);
            assert_eq!(contradiction(&typed).is_none(), clear, "{typed}");
            let mut elsewhere = body;
            elsewhere["id"] = json!("marking-definition--11111111-1111-4111-8111-111111111111");
            assert!(!rules(&elsewhere).is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn a_red_id_with_a_clear_colour_is_refused() {
        let mut body = tlp_marking(Tlp::Red);
        body["extensions"][TLP_2_EXTENSION]["tlp_2_0"] = json!("clear");
        assert_eq!(rules(&body), ["TLP 2.0 STIX marking"]);
    }

    #[test]
    fn a_statement_marking_of_ones_own_is_fine_and_one_that_hides_a_level_is_not() {
        let mut own = json!({
            "type": "marking-definition", "spec_version": "2.1",
            "id": "marking-definition--11111111-1111-4111-8111-111111111111",
            "created": "2024-01-01T00:00:00.000Z",
            "definition_type": "statement", "definition": {"statement": "© example"},
        });
        assert!(rules(&own).is_empty());
        own["extensions"] = json!({
            "extension-definition--11111111-1111-4111-8111-111111111111":
                {"extension_type": "property-extension", "tlp_2_0": "clear"}
        });
        assert_eq!(rules(&own), ["TLP 2.0 STIX marking"]);
    }

    #[test]
    fn a_pap_marking_needs_its_published_id_and_word() {
        let body = |id: &str, word: &str| {
            json!({
                "type": "marking-definition", "spec_version": "2.1", "id": id,
                "created": "2022-10-01T00:00:00.000Z", "name": format!("PAP:{word}"),
                "extensions": {PAP_EXTENSION: {"extension_type": "property-extension", "pap": word}},
            })
        };
        assert!(rules(&body(PAP[3].0, "red")).is_empty());
        assert_eq!(rules(&body(PAP[3].0, "clear")), ["PAP STIX marking"]);
        let own = "marking-definition--11111111-1111-4111-8111-111111111111";
        assert_eq!(rules(&body(own, "red")), ["PAP STIX marking"]);
    }

    #[test]
    fn references_are_those_of_the_object_and_of_its_parts() {
        let object = json!({
            "object_marking_refs": [tlp_id(Tlp::Green), tlp_id(Tlp::Green)],
            "granular_markings": [
                {"marking_ref": tlp_id(Tlp::Red), "selectors": ["name"]},
                {"lang": "ja", "selectors": ["name"]},
            ],
        });
        assert_eq!(references(&object), [tlp_id(Tlp::Green), tlp_id(Tlp::Red)]);
        assert!(references(&json!({"type": "tool"})).is_empty());
        assert_eq!(references(&json!({"object_marking_refs": [7]})), ["7"]);
    }

    #[test]
    fn a_circle_of_markings_is_found_and_a_chain_is_none() {
        let a = json!({"type": "marking-definition", "id": "A", "object_marking_refs": ["B"]});
        let to = |last: &'static str| {
            move |id: &str| {
                if id == "B" {
                    vec![last.to_owned()]
                } else {
                    vec![]
                }
            }
        };
        assert!(circular(&a, &to("A")));
        assert!(!circular(&a, &to("C")));
        assert!(!circular(&a, &to("B")), "B's own fault, not A's");
        assert!(!circular(
            &json!({"type": "tool", "id": "A", "object_marking_refs": ["A"]}),
            &to("A")
        ));
    }
}
