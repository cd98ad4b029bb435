//! The changes of single types that need many words: observed data, marking definitions, and external
//! references to sources whose ids have a form.

use serde_json::{Value, json};

use super::dice::Dice;

/// Observed data: references or the deprecated container.
pub fn observed(dice: &mut Dice) -> Vec<Value> {
    let refs = |kind: &str, dice: &mut Dice| json!({"object_refs": [dice.id(kind)]});
    let address = json!({"type": "ipv4-addr", "id": dice.id("ipv4-addr"), "value": "198.51.100.3"});
    vec![
        json!({"object_refs": null}),
        json!({"object_refs": null, "objects": {"0": address}}),
        json!({"objects": {"0": address}}),
        json!({"object_refs": null, "objects": {"0": {"type": "ipv4-addr", "value": "198.51.100.3"}}}),
        json!({"object_refs": null, "objects": {}}),
        json!({"object_refs": null, "objects": [address]}),
        json!({"object_refs": null, "objects": {"0": {"type": "ipv4-addr", "id": dice.id("ipv4-addr")}}}),
        json!({"object_refs": null, "objects": {"0": {"value": "x"}}}),
        json!({"object_refs": null, "objects": {"0": "x"}}),
        refs("relationship", dice),
        refs("sighting", dice),
        refs("x-own", dice),
        refs("tool", dice),
        json!({"object_refs": [dice.id("file"), dice.id("relationship")]}),
        json!({"object_refs": [dice.id("file"), dice.id("malware")]}),
    ]
}

/// Marking definitions: statements, both TLPs, extensions, and bodies that do not fit.
pub fn marking_definitions() -> Vec<Value> {
    let key = "extension-definition--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f";
    let body = json!({key: {"extension_type": "property-extension", "rank": 5}});
    let tlp = |id: &str, name: &str, colour: &str| {
        json!({
            "id": format!("marking-definition--{id}"), "name": name, "definition_type": "tlp",
            "created": "2017-01-20T00:00:00.000Z", "definition": {"tlp": colour},
        })
    };
    let two = |id: &str, name: &str, label: &str| {
        json!({
            "id": format!("marking-definition--{id}"), "name": name, "definition_type": null, "definition": null,
            "created": "2022-10-01T00:00:00.000Z",
            "extensions": {"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
                "extension_type": "property-extension", "tlp_2_0": label}},
        })
    };
    vec![
        json!({"definition": null}),
        json!({"definition_type": null}),
        json!({"definition": null, "definition_type": null}),
        json!({"definition": null, "definition_type": null, "extensions": body}),
        json!({"definition": null, "extensions": body}),
        json!({"extensions": body}),
        json!({"created": "2024-05-06T07:00:00Z"}),
        json!({"definition": {"text": "s"}}),
        json!({"definition": {"statement": "s", "x_own": 1}}),
        json!({"definition_type": "own", "definition": {"own": "x"}}),
        json!({"definition_type": "own", "definition": {"statement": 5}}),
        json!({"definition_type": "tlp", "definition": {"tlp": "green"}}),
        json!({"definition_type": "tlp", "definition": {"tlp": "purple"}}),
        tlp("613f2e26-407d-48c7-9eca-b8e91df99dc9", "TLP:WHITE", "white"),
        tlp("34098fce-860f-48ae-8e50-ebd3cc5e41da", "TLP:GREEN", "green"),
        tlp("f88d31f6-486f-44da-b317-01333bde0b82", "TLP:AMBER", "amber"),
        tlp("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:RED", "red"),
        tlp("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:RED", "green"),
        tlp("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "TLP:GREEN", "green"),
        two("94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR", "clear"),
        two("e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "red"),
        two("e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "green"),
        two("1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f", "TLP:RED", "red"),
        two("e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "purple"),
        json!({"id": "marking-definition--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f",
            "object_marking_refs": ["marking-definition--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f"]}),
        json!({"id": "marking-definition--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f",
            "granular_markings": [{"marking_ref": "marking-definition--1c9d5a6e-1e5b-4b5f-9d5f-0a1b2c3d4e5f", "selectors": ["name"]}], "name": "n"}),
    ]
}

/// External references to the sources whose ids have a form.
pub fn cited() -> Vec<Value> {
    [
        ("cve", "CVE-2024-1234"),
        ("cve", "CVE-2024-0123"),
        ("cve", "CVE-2024-12345678"),
        ("cve", "CVE-2024-01234"),
        ("cve", "CVE-2024-123"),
        ("cve", "CVE-24-1234"),
        ("cve", "cve-2024-1234"),
        ("cve", "x"),
        ("capec", "CAPEC-163"),
        ("capec", "CAPEC-x"),
        ("capec", "163"),
        ("own", "CVE-2024-1234"),
        ("own", "CAPEC-163"),
        ("CVE", "x"),
    ]
    .iter()
    .map(
        |(source, id)| json!({"external_references": [{"source_name": source, "external_id": id}]}),
    )
    .chain([
        json!({"external_references": [{"source_name": "cve"}]}),
        json!({"external_references": [{"source_name": "cve", "description": "d"}]}),
        json!({"external_references": [{"source_name": "capec", "url": "https://a.example/"}]}),
        json!({"external_references": [{"source_name": "own"}]}),
        json!({"external_references": [{"external_id": "x"}]}),
        json!({"external_references": [{"source_name": "own", "description": "d", "x_own": "x"}]}),
    ])
    .collect()
}
