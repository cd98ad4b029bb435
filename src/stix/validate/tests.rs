//! Tests of the ingest validator: for each rule an object that keeps it and the nearest that does not.

use serde_json::{Value, json};

use super::*;

const UUID: &str = "22222222-2222-4222-8222-222222222222";

fn id(kind: &str) -> String {
    format!("{kind}--{UUID}")
}

/// A minimal valid object of a type, with some properties set (or removed, where null).
fn make(kind: &str, change: Value) -> Value {
    let mut object = json!({"type": kind, "id": id(kind)});
    if id::class(kind) != Class::Sco && !kind.starts_with("x-") {
        object["spec_version"] = json!("2.1");
        object["created"] = json!("2024-01-01T00:00:00.000Z");
        if kind != "marking-definition" {
            object["modified"] = json!("2024-01-01T00:00:00.000Z");
        }
    }
    let own = match kind {
        "grouping" => json!({"context": "c", "object_refs": [id("tool")]}),
        "indicator" => json!({
            "pattern": "[url:value = 'x']", "pattern_type": "stix", "valid_from": "2024-01-01T00:00:00Z",
        }),
        "location" => json!({"country": "JP"}),
        "malware" => json!({"is_family": false}),
        "malware-analysis" => json!({"product": "p", "result": "benign"}),
        "note" => json!({"content": "c", "object_refs": [id("tool")]}),
        "observed-data" => json!({
            "first_observed": "2024-01-01T00:00:00Z", "last_observed": "2024-01-01T00:00:00Z",
            "number_observed": 1, "object_refs": [id("url")],
        }),
        "opinion" => json!({"opinion": "agree", "object_refs": [id("tool")]}),
        "report" => {
            json!({"name": "r", "published": "2024-01-01T00:00:00Z", "object_refs": [id("tool")]})
        }
        "relationship" => json!({
            "relationship_type": "uses", "source_ref": id("campaign"), "target_ref": id("tool"),
        }),
        "sighting" => json!({"sighting_of_ref": id("indicator")}),
        "artifact" => json!({"payload_bin": "AAAA"}),
        "autonomous-system" => json!({"number": 1}),
        "directory" => json!({"path": "/"}),
        "domain-name" => json!({"value": "a.example"}),
        "email-addr" => json!({"value": "jo@a.example"}),
        "ipv4-addr" => json!({"value": "198.51.100.3"}),
        "ipv6-addr" => json!({"value": "2001:db8::1"}),
        "mac-addr" => json!({"value": "d2:fb:49:24:37:18"}),
        "url" => json!({"value": "https://a.example/"}),
        "email-message" => json!({"is_multipart": false}),
        "network-traffic" => json!({"protocols": ["tcp"], "src_ref": id("ipv4-addr")}),
        "process" => json!({"pid": 1}),
        "user-account" => json!({"user_id": "u"}),
        "windows-registry-key" => json!({"key": "k"}),
        "x509-certificate" => json!({"issuer": "i"}),
        "language-content" => json!({"object_ref": id("tool"), "contents": {"ja": {"name": "名"}}}),
        "marking-definition" => {
            json!({"definition_type": "statement", "definition": {"statement": "s"}})
        }
        "extension-definition" => json!({
            "name": "e", "schema": "s", "version": "1", "created_by_ref": id("identity"),
            "extension_types": ["property-extension"],
        }),
        kind if kind.starts_with("x-") => json!({}),
        _ => json!({"name": "n"}),
    };
    for part in [own, change] {
        for (name, value) in part.as_object().unwrap() {
            if value.is_null() {
                object.as_object_mut().unwrap().remove(name);
            } else {
                object[name] = value.clone();
            }
        }
    }
    object
}

fn rules(object: &Value) -> Vec<String> {
    let faults = validate(object).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.rule).collect()
}

/// Asserts that the first change is allowed and that the second breaks exactly the rule named.
#[track_caller]
fn neighbours(kind: &str, good: Value, bad: Value, rule: &str) {
    assert_eq!(rules(&make(kind, good.clone())), [""; 0], "{kind} {good}");
    assert_eq!(rules(&make(kind, bad.clone())), [rule], "{kind} {bad}");
}

#[test]
fn a_minimal_object_of_every_type_is_valid_and_needs_each_of_its_required_properties() {
    for kind in shape::types() {
        let object = make(kind, json!({}));
        assert_eq!(rules(&object), [""; 0], "{object}");
        for property in shape::shape(kind)
            .unwrap()
            .properties
            .iter()
            .filter(|p| p.required)
        {
            let without = make(kind, json!({property.name: null}));
            let rule = format!(
                "STIX {} {}",
                shape::shape(kind).unwrap().clause,
                property.name
            );
            assert!(rules(&without).contains(&rule), "{without}");
        }
        let column = column(kind, object.as_object().unwrap());
        for (name, _, cells) in COMMON {
            if shape::presence(cells, column) == Presence::Required {
                let fault = &validate(&make(kind, json!({*name: null}))).unwrap_err()[0];
                assert_eq!(fault.rule, format!("STIX 3.2 {name}"));
                assert_eq!(fault.pointer, format!("/{name}"));
            }
        }
    }
}

#[test]
fn type_and_id_belong_together() {
    assert_eq!(rules(&json!(1)), ["STIX 3 object"]);
    assert_eq!(rules(&json!({"id": id("tool")})), ["STIX 3.2 type"]);
    assert_eq!(
        rules(&json!({"type": "bundle", "id": id("bundle")})),
        ["STIX 8 type"]
    );
    assert_eq!(
        rules(&json!({"type": "X_Y", "id": "X_Y--1"})),
        ["STIX 3.1 type"]
    );
    assert_eq!(
        rules(&make("tool", json!({"id": id("malware")}))),
        ["STIX 2.9 id"]
    );
    assert_eq!(
        rules(&make("tool", json!({"id": "tool--1"}))),
        ["STIX 2.9 id"]
    );
}

#[test]
fn common_properties_have_their_kinds() {
    let c = |name: &str| format!("STIX 3.2 {name}");
    neighbours(
        "tool",
        json!({"confidence": 100}),
        json!({"confidence": 101}),
        &c("confidence"),
    );
    neighbours(
        "tool",
        json!({"lang": "ja-Jpan"}),
        json!({"lang": "ja_JP"}),
        &c("lang"),
    );
    neighbours(
        "tool",
        json!({"revoked": true}),
        json!({"revoked": "true"}),
        &c("revoked"),
    );
    neighbours(
        "tool",
        json!({"labels": ["a"]}),
        json!({"labels": "a"}),
        &c("labels"),
    );
    neighbours(
        "tool",
        json!({}),
        json!({"spec_version": "2.0"}),
        &c("spec_version"),
    );
    neighbours(
        "tool",
        json!({}),
        json!({"created": "2024-01-01T00:00:00Z"}),
        &c("created"),
    );
    neighbours(
        "tool",
        json!({}),
        json!({"modified": "2024-01-01 00:00:00.000Z"}),
        &c("modified"),
    );
    neighbours(
        "tool",
        json!({"created_by_ref": id("identity")}),
        json!({"created_by_ref": id("tool")}),
        &c("created_by_ref"),
    );
    neighbours(
        "tool",
        json!({"object_marking_refs": [id("marking-definition")]}),
        json!({"object_marking_refs": [id("identity")]}),
        &c("object_marking_refs"),
    );
    neighbours(
        "url",
        json!({"defanged": true}),
        json!({"revoked": true}),
        &c("revoked"),
    );
    neighbours("tool", json!({}), json!({"defanged": true}), &c("defanged"));
    neighbours(
        "language-content",
        json!({}),
        json!({"lang": "ja"}),
        &c("lang"),
    );
    neighbours(
        "marking-definition",
        json!({}),
        json!({"modified": "2024-01-01T00:00:00.000Z"}),
        &c("modified"),
    );
}

#[test]
fn nothing_is_empty_and_nothing_is_null() {
    neighbours(
        "tool",
        json!({"aliases": ["a"]}),
        json!({"aliases": []}),
        "STIX 2.12 list",
    );
    neighbours(
        "tool",
        json!({"x_map": {"a": 1}}),
        json!({"x_map": {"a": {}}}),
        "STIX 2.3 dictionary",
    );
    let mut object = make("tool", json!({"x_list": [[1]]}));
    object["x_list"][0][0] = Value::Null;
    let fault = &validate(&object).unwrap_err()[0];
    assert_eq!(
        (fault.pointer.as_str(), fault.rule.as_str()),
        ("/x_list/0/0", "STIX 2 null")
    );
}

#[test]
fn granular_markings_resolve() {
    let marking = |selector: &str| json!({"granular_markings": [{"marking_ref": id("marking-definition"), "selectors": [selector]}]});
    neighbours(
        "tool",
        marking("name"),
        marking("description"),
        "STIX 7.2.3 selectors",
    );
}

#[test]
fn marking_definitions_have_content_and_do_not_mark_themselves() {
    neighbours(
        "marking-definition",
        json!({}),
        json!({"definition": null}),
        "STIX 7.2.1 definition",
    );
    neighbours(
        "marking-definition",
        json!({}),
        json!({"definition": {"text": "s"}}),
        "STIX 7.2.1 definition",
    );
    let key = id("extension-definition");
    neighbours(
        "marking-definition",
        json!({"definition": null, "definition_type": null,
            "extensions": {key: {"extension_type": "property-extension", "rank": 1}}}),
        json!({"definition": null, "definition_type": null}),
        "STIX 7.2.1 extensions",
    );
    let other = "marking-definition--33333333-3333-4333-8333-333333333333";
    neighbours(
        "marking-definition",
        json!({"object_marking_refs": [other]}),
        json!({"object_marking_refs": [id("marking-definition")]}),
        "STIX 3.2 object_marking_refs",
    );
    neighbours(
        "marking-definition",
        json!({"granular_markings": [{"marking_ref": other, "selectors": ["definition"]}]}),
        json!({"granular_markings": [{"marking_ref": id("marking-definition"), "selectors": ["definition"]}]}),
        "STIX 7.2.3 marking_ref",
    );
}

#[test]
fn extensions_are_keyed_and_typed() {
    let with = |key: &str, body: Value| json!({"extensions": {key: body}});
    let key = id("extension-definition");
    neighbours(
        "tool",
        with(&key, json!({"extension_type": "property-extension"})),
        with(&key, json!({"rank": 1})),
        "STIX 7.3 extension_type",
    );
    neighbours(
        "tool",
        with("x-own-ext", json!({"rank": 1})),
        with("own", json!({"rank": 1})),
        "STIX 7.3 extensions",
    );
    neighbours(
        "tool",
        with(&key, json!({"extension_type": "new-sdo"})),
        with(&key, json!({"extension_type": "new"})),
        "STIX 7.3 extension_type",
    );
    neighbours(
        "extension-definition",
        json!({"extension_types": ["toplevel-property-extension"], "extension_properties": ["a_b"]}),
        json!({"extension_properties": ["a_b"]}),
        "STIX 7.3 extension_properties",
    );
    neighbours(
        "network-traffic",
        with(
            "socket-ext",
            json!({"address_family": "AF_INET", "socket_type": "SOCK_DGRAM"}),
        ),
        with(
            "socket-ext",
            json!({"address_family": "AF_INET", "socket_type": "AF_ISOCK_DGRAMNET"}),
        ),
        "STIX 6.12.4 socket_type",
    );
}

#[test]
fn what_an_observable_defanged_is_not_asked_for_its_form() {
    let value = |value: &str, defanged: bool| json!({"value": value, "defanged": defanged});
    for (kind, broken, rule) in [
        ("domain-name", "a[.]example", "STIX 6.4 value"),
        ("email-addr", "jo[at]a.example", "STIX 6.5 value"),
        ("ipv4-addr", "198.51.100[.]3", "STIX 6.8 value"),
        ("url", "hxxps:// a.example", "STIX 6.15 value"),
    ] {
        neighbours(kind, value(broken, true), value(broken, false), rule);
    }
    let number = json!({"value": 5, "defanged": true});
    assert_eq!(rules(&make("url", number)), ["STIX 6.15 value"]);
}

#[test]
fn what_an_extension_calls_its_properties_keeps_the_rules_for_names() {
    let key = id("extension-definition");
    let with = |name: &str, value: Value| json!({"extensions": {&key: {"extension_type": "property-extension", name: value}}});
    let bad = "STIX 3.1 property";
    neighbours("tool", with("id", json!(1)), with("ab", json!(1)), bad);
    neighbours("tool", with("rank", json!(1)), with("Rank", json!(1)), bad);
    neighbours(
        "tool",
        with("a_hex", json!("00")),
        with("a_hex", json!("0")),
        "STIX 3.1 a_hex",
    );
    let deep = with("deep", json!({"Any Key": {"x y": [1]}}));
    assert_eq!(rules(&make("tool", deep)), [""; 0]);
}

#[test]
fn a_predefined_extension_says_something_beyond_what_it_must() {
    let with = |body: Value| json!({"extensions": {"windows-pebinary-ext": body}});
    neighbours(
        "file",
        with(json!({"pe_type": "exe", "optional_header": {"magic_hex": "010b"}})),
        with(json!({"pe_type": "exe"})),
        "STIX 6.7.6 windows-pebinary-ext",
    );
    neighbours(
        "file",
        with(json!({"pe_type": "exe", "time_date_stamp": "2024-01-01T00:00:00Z"})),
        with(json!({"pe_type": "exe", "time_date_stamp": "2024-01-01T00:00:00.0Z"})),
        "STIX 6.7.6 time_date_stamp",
    );
}

#[test]
fn an_external_reference_has_listed_hashes_and_ids_of_its_source() {
    let with = |part: Value| json!({"external_references": [part]});
    let hash = |name: &str| {
        with(
            json!({"source_name": "s", "url": "https://a.example", "hashes": {name: "a".repeat(32)}}),
        )
    };
    neighbours("tool", hash("MD5"), hash("md5"), "STIX 2.7 hashes");
    let cited = |id: &str| with(json!({"source_name": "cve", "external_id": id}));
    let bad = "STIX 2.5 external_id";
    neighbours("tool", cited("CVE-2024-0123"), cited("CVE-2024-01234"), bad);
    neighbours("tool", cited("CVE-2024-12345"), cited("CVE-2024-123"), bad);
}

#[test]
fn what_the_standard_does_not_know_is_carried() {
    neighbours(
        "tool",
        json!({"rank": 5, "x_acme": {"Any Key": [1, "a"]}}),
        json!({"x-acme": 1}),
        "STIX 3.1 property",
    );
    neighbours(
        "tool",
        json!({"x_a_hex": "00"}),
        json!({"x_a_hex": "0"}),
        "STIX 3.1 x_a_hex",
    );
    neighbours(
        "tool",
        json!({"x_a_ref": id("x-b")}),
        json!({"x_a_ref": "b"}),
        "STIX 3.1 x_a_ref",
    );
    for name in ["severity", "username", "phone_number", "action"] {
        neighbours(
            "course-of-action",
            json!({}),
            json!({name: "x"}),
            &format!("STIX 3.8 {name}"),
        );
    }
    neighbours(
        "x-thing",
        json!({"anything": 1}),
        json!({"revoked": 1}),
        "STIX 3.2 revoked",
    );
    let key = id("extension-definition");
    let new_sdo = json!({"extensions": {key: {"extension_type": "new-sdo"}}});
    let missing = rules(&make("x-thing", new_sdo));
    assert_eq!(
        missing,
        [
            "STIX 3.2 spec_version",
            "STIX 3.2 created",
            "STIX 3.2 modified"
        ]
    );
}

#[test]
fn language_content_is_keyed_by_language_and_property() {
    neighbours(
        "language-content",
        json!({"contents": {"ja": {"name": "名"}, "x-hub": {"labels": ["a", ""]}}}),
        json!({"contents": {"ja_JP": {"name": "名"}}}),
        "STIX 7.1 contents",
    );
    let bad = make(
        "language-content",
        json!({"contents": {"ja": {"Name!": "名"}}}),
    );
    assert_eq!(rules(&bad), ["STIX 7.1 contents"]);
}

#[test]
fn fifty_violations_are_enough() {
    let bad: Vec<Value> = (0..200).map(|_| json!({})).collect();
    let object = make("tool", json!({"x_list": bad}));
    assert_eq!(validate(&object).unwrap_err().len(), VIOLATIONS_MAX);
}

mod consistency;
