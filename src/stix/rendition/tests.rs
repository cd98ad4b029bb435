//! Tests of the anonymised rendition.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::handling::Tlp;
use crate::stix::validate::validate;

const CREATED: &str = "2024-05-01T00:00:00.000000Z";
const MODIFIED: &str = "2024-05-02T00:00:00.000000Z";

fn mint(id: &StixId) -> StixId {
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_str().as_bytes());
    StixId::new(id.object_type(), uuid).unwrap()
}

fn with(strip: &[(&str, &str)], creator: Option<&str>, objects: &[Value]) -> Vec<Option<Value>> {
    let strip: Vec<_> = strip
        .iter()
        .map(|&(a, b)| (a.to_owned(), b.to_owned()))
        .collect();
    let ctx = RenditionContext {
        mint: &mint,
        observable: &|_| None,
        creator: creator.map(str::to_owned),
        created: CREATED,
        modified: MODIFIED,
        target_modified: None,
        marking_refs: &[marking::tlp_id(Tlp::Amber).to_owned()],
        strip: &strip,
    };
    anonymise_batch(objects, &ctx)
}

fn one(strip: &[(&str, &str)], object: Value) -> Option<Value> {
    with(
        strip,
        Some("identity--11111111-1111-4111-8111-111111111111"),
        &[object],
    )
    .remove(0)
}

fn id(kind: &str) -> String {
    format!("{kind}--22222222-2222-4222-8222-222222222222")
}

fn minted(kind: &str) -> String {
    mint(&StixId::parse(&id(kind)).unwrap()).into()
}

fn sdo(kind: &str, extra: Value) -> Value {
    let mut object = json!({
        "type": kind, "spec_version": "2.1", "id": id(kind), "created_by_ref": id("identity"),
        "created": "2024-01-01T00:00:00.000Z", "modified": "2024-01-02T00:00:00.000Z",
    });
    object
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    object
}

fn sco(kind: &str, extra: Value) -> Value {
    let mut object = json!({"type": kind});
    object
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    object["id"] = json!(id::deterministic_id(&object).unwrap());
    object
}

#[test]
fn a_rendition_is_a_new_object_of_another_creator() {
    let original = sdo(
        "indicator",
        json!({
            "name": "Beacon at ACME", "labels": ["acme", "beacon"], "revoked": true,
            "pattern": "[url:value = 'https://acme.example/']", "pattern_type": "stix",
            "valid_from": "2024-01-01T00:00:00Z", "x_note": {"by": "Acme SOC"},
            "object_marking_refs": [id("marking-definition")],
            "granular_markings": [{"marking_ref": id("marking-definition"), "selectors": ["name"]}],
            "external_references": [
                {"source_name": "ACME ticket", "external_id": "7"},
                {"source_name": "capec", "external_id": "CAPEC-1", "description": "seen by acme"},
            ],
        }),
    );
    let rendered = one(&[("acme", "it's")], original).unwrap();
    assert_eq!(
        rendered,
        json!({
            "type": "indicator", "spec_version": "2.1", "id": minted("indicator"),
            "created_by_ref": "identity--11111111-1111-4111-8111-111111111111",
            "created": CREATED, "modified": MODIFIED,
            "name": "Beacon at it's", "labels": ["it's", "beacon"], "revoked": true,
            "pattern": "[url:value = 'https://it\\'s.example/']", "pattern_type": "stix",
            "valid_from": "2024-01-01T00:00:00Z", "x_note": {"by": "it's SOC"},
            "external_references": [
                {"source_name": "capec", "external_id": "CAPEC-1"},
            ],
            "object_marking_refs": [marking::tlp_id(Tlp::Amber)],
        })
    );
    assert_eq!(validate(&rendered), Ok(()));
}

#[test]
fn nobody_may_be_its_creator() {
    let original = sdo("tool", json!({"name": "t"}));
    let rendered = with(&[], None, &[original]).remove(0).unwrap();
    assert!(rendered.get("created_by_ref").is_none());
    assert_eq!(validate(&rendered), Ok(()));
}

#[test]
fn identities_and_what_translates_them_are_never_rendered() {
    assert_eq!(one(&[], sdo("identity", json!({"name": "ACME"}))), None);
    let translation = |of: &str| {
        sdo(
            "language-content",
            json!({"object_ref": id(of), "contents": {"ja": {"name": "名"}}}),
        )
    };
    assert_eq!(one(&[], translation("identity")), None);
    assert!(one(&[], translation("tool")).is_some());
    assert_eq!(
        one(&[], json!({"type": "bundle", "id": id("bundle")})),
        None
    );
    assert_eq!(one(&[], json!({"type": "tool", "id": "tool--1"})), None);
    assert_eq!(one(&[], json!([])), None);
}

#[test]
fn references_follow_wherever_they_stand() {
    let original = sdo(
        "sighting",
        json!({
            "sighting_of_ref": id("indicator"), "where_sighted_refs": [id("identity")],
            "observed_data_refs": [id("observed-data")],
            "x_case": id("incident"),
            "extensions": {
                "extension-definition--33333333-3333-4333-8333-333333333333": {
                    "extension_type": "property-extension", "deep": [{"task_ref": id("x-task")}],
                }
            },
        }),
    );
    let rendered = one(&[], original).unwrap();
    assert_eq!(rendered["sighting_of_ref"], minted("indicator"));
    assert_eq!(rendered["where_sighted_refs"], json!([minted("identity")]));
    assert_eq!(rendered["x_case"], minted("incident"));
    let body =
        &rendered["extensions"]["extension-definition--33333333-3333-4333-8333-333333333333"];
    assert_eq!(body["deep"][0]["task_ref"], minted("x-task"));
    assert!(!rendered.to_string().contains("22222222-2222"));
    assert_eq!(validate(&rendered), Ok(()));
}

#[test]
fn an_unchanged_observable_keeps_its_id_and_a_changed_one_gets_that_of_its_new_content() {
    let address = sco("ipv4-addr", json!({"value": "198.51.100.3"}));
    let domain = sco("domain-name", json!({"value": "mail.acme.example"}));
    let traffic = sco(
        "network-traffic",
        json!({
            "src_ref": address["id"], "dst_ref": domain["id"], "protocols": ["tcp"],
        }),
    );
    let observed = sdo(
        "observed-data",
        json!({
            "first_observed": "2024-01-01T00:00:00Z", "last_observed": "2024-01-01T00:00:00Z",
            "number_observed": 1, "object_refs": [address["id"], domain["id"], traffic["id"]],
        }),
    );
    let batch = [observed, traffic.clone(), domain, address.clone()];
    let rendered: Vec<Value> = with(&[("acme.example", "victim.invalid")], None, &batch)
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(rendered[3]["id"], address["id"]);
    assert_eq!(
        rendered[3]["object_marking_refs"],
        json!([marking::tlp_id(Tlp::Amber)])
    );
    assert!(rendered[3].get("created").is_none());
    assert_eq!(rendered[2]["value"], "mail.victim.invalid");
    for sco in &rendered[1..] {
        assert_eq!(id::deterministic_id(sco).unwrap().as_str(), sco["id"]);
        assert_eq!(validate(sco), Ok(()));
    }
    assert_ne!(rendered[1]["id"], traffic["id"]);
    assert_eq!(rendered[1]["dst_ref"], rendered[2]["id"]);
    assert_eq!(
        rendered[0]["object_refs"],
        json!([address["id"], rendered[2]["id"], rendered[1]["id"]])
    );
}

#[test]
fn a_random_observable_id_is_minted_in_the_object_and_in_references_to_it() {
    let process = json!({"type": "process", "id": id("process"), "pid": 1});
    let child = json!({
        "type": "process", "id": "process--44444444-4444-4444-8444-444444444444",
        "pid": 2, "parent_ref": id("process"),
    });
    let both = with(&[], None, &[process.clone(), child.clone()]);
    assert_eq!(both[0].as_ref().unwrap()["id"], minted("process"));
    assert_eq!(both[1].as_ref().unwrap()["parent_ref"], minted("process"));
    assert_eq!(
        one(&[], child).unwrap()["parent_ref"],
        minted("process"),
        "alone as well"
    );
}

#[test]
fn an_observable_outside_the_batch_follows_what_the_hub_knows_of_it() {
    let known = StixId::parse("domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7").unwrap();
    let other = "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4";
    let report = sdo(
        "grouping",
        json!({"context": "c", "object_refs": [known, other]}),
    );
    let target = StixId::parse("domain-name--4cbe4ad2-21ff-5d88-860c-1f4584ab89b5").unwrap();
    let ctx = RenditionContext {
        mint: &mint,
        observable: &|id| (*id == known).then(|| target.clone()),
        creator: None,
        created: CREATED,
        modified: MODIFIED,
        target_modified: None,
        marking_refs: &[],
        strip: &[],
    };
    let rendered = anonymise(&report, &ctx).unwrap();
    assert_eq!(rendered["object_refs"], json!([target, other]));
    assert!(rendered.get("object_marking_refs").is_none());
}

#[test]
fn circles_of_observables_end() {
    let file = |n: u8, other: u8| {
        let name = |n: u8| format!("file--{n}2222222-2222-5222-8222-222222222222");
        json!({"type": "file", "id": name(n), "name": "acme",
            "extensions": {"archive-ext": {"contains_refs": [name(other)]}}})
    };
    let rendered = with(&[("acme", "x")], None, &[file(1, 2), file(2, 1)]);
    let [Some(a), Some(b)] = rendered.as_slice() else {
        panic!()
    };
    assert_eq!(a["extensions"]["archive-ext"]["contains_refs"][0], b["id"]);
    assert_eq!(b["extensions"]["archive-ext"]["contains_refs"][0], a["id"]);
    let chain: Vec<Value> = (0..5_000)
        .map(|n| {
            let name = |n: u32| format!("file--{n:08x}-2222-5222-8222-222222222222");
            json!({"type": "file", "id": name(n), "name": "acme",
            "extensions": {"archive-ext": {"contains_refs": [name(n + 1)]}}})
        })
        .collect();
    let rendered = with(&[("acme", "x")], None, &chain);
    for pair in rendered.windows(2) {
        let next = &pair[0].as_ref().unwrap()["extensions"]["archive-ext"]["contains_refs"][0];
        assert_eq!(*next, pair[1].as_ref().unwrap()["id"]);
    }
}

#[test]
fn encoded_bytes_and_telling_names_do_not_carry_the_source() {
    let strip = [("acme", "")];
    // "from acme" and "from xxxx"
    let artifact = |text: &str| sco("artifact", json!({"payload_bin": text}));
    assert_eq!(one(&strip, artifact("ZnJvbSBhY21l")), None);
    assert!(one(&strip, artifact("ZnJvbSB4eHh4")).is_some());
    assert!(one(&[], artifact("ZnJvbSBhY21l")).is_some());
    let tool = sdo(
        "tool",
        json!({"name": "t", "x_acme_ref": id("tool"), "x_raw_hex": "61636d65"}),
    );
    let rendered = one(&strip, tool).unwrap();
    assert!(rendered.get("x_acme_ref").is_none() && rendered.get("x_raw_hex").is_none());
    let custom = json!({"type": "x-acme-case", "id": id("x-acme-case")});
    assert_eq!(one(&strip, custom), None);
    let note = sdo(
        "note",
        json!({
            "content": "c", "authors": ["Hanako of ACME"], "object_refs": [id("x-acme-case")],
        }),
    );
    let rendered = one(&strip, note).unwrap();
    assert!(rendered.get("authors").is_none());
    assert!(!rendered.to_string().contains("acme"));
    assert_eq!(validate(&rendered), Ok(()));
}

#[test]
fn what_a_replacement_breaks_is_marked_as_broken_or_not_rendered() {
    let strip = [("acme", "[removed]")];
    let host = |value: &str| sco("domain-name", json!({"value": value}));
    let rendered = one(&strip, host("mail.acme.example")).unwrap();
    assert_eq!(rendered["value"], "mail.[removed].example");
    assert_eq!(rendered["defanged"], true);
    assert_eq!(validate(&rendered), Ok(()));
    let untouched = one(&strip, host("mail.other.example")).unwrap();
    assert!(untouched.get("defanged").is_none());
    let indicator = |pattern: &str| {
        sdo(
            "indicator",
            json!({
                "pattern": pattern, "pattern_type": "stix", "valid_from": "2024-01-01T00:00:00Z",
            }),
        )
    };
    let quoted = one(&strip, indicator("[file:name = 'acme']")).unwrap();
    assert_eq!(quoted["pattern"], "[file:name = '[removed]']");
    assert_eq!(one(&strip, indicator("[x-acme:name = 'a']")), None);
}

#[test]
fn a_short_name_does_not_break_the_standards_own_words() {
    let opinion = sdo(
        "opinion",
        json!({
            "opinion": "agree", "explanation": "we agree", "object_refs": [id("tool")],
        }),
    );
    let rendered = one(
        &[("agree", "x"), ("opinion", "y"), ("2024-01", "z")],
        opinion,
    )
    .unwrap();
    assert_eq!(rendered["opinion"], "agree");
    assert_eq!(rendered["explanation"], "we x");
    let link = sdo(
        "relationship",
        json!({
            "relationship_type": "acme-owns", "source_ref": id("tool"), "target_ref": id("malware"),
            "start_time": "2024-01-01T00:00:00Z",
        }),
    );
    let rendered = one(&[("acme", "[removed]"), ("2024-01", "z")], link).unwrap();
    assert_eq!(rendered["relationship_type"], "related-to");
    assert_eq!(rendered["start_time"], "2024-01-01T00:00:00Z");
    assert_eq!(validate(&rendered), Ok(()));
}

#[test]
fn a_translation_names_the_new_version_of_its_target() {
    let translation = sdo(
        "language-content",
        json!({
            "object_ref": id("tool"), "object_modified": "2024-01-02T00:00:00.000Z",
            "contents": {"ja": {"name": "名"}},
        }),
    );
    let tool = sdo("tool", json!({"name": "t"}));
    let both = with(&[], None, &[tool, translation.clone()]);
    assert_eq!(both[1].as_ref().unwrap()["object_modified"], MODIFIED);
    assert_eq!(both[1].as_ref().unwrap()["object_ref"], minted("tool"));
    assert!(
        one(&[], translation)
            .unwrap()
            .get("object_modified")
            .is_none()
    );
}

#[test]
fn meta_objects_keep_their_rules() {
    let statement = json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id("marking-definition"),
        "created": "2024-01-01T00:00:00.000Z", "created_by_ref": id("identity"),
        "definition_type": "statement", "definition": {"statement": "© acme"},
    });
    let rendered = one(&[("acme", "")], statement).unwrap();
    assert!(rendered.get("modified").is_none());
    assert_eq!(rendered["definition"]["statement"], "© ");
    assert_eq!(validate(&rendered), Ok(()));

    let mut posted = marking::tlp_marking(Tlp::Red);
    posted["name"] = json!("acme");
    assert_eq!(one(&[], posted), Some(marking::tlp_marking(Tlp::Red)));

    let definition = sdo(
        "extension-definition",
        json!({
            "name": "e", "schema": "s", "version": "1", "extension_types": ["property-extension"],
        }),
    );
    let key = id("extension-definition");
    let tool = sdo(
        "tool",
        json!({
            "name": "t", "extensions": {key: {"extension_type": "property-extension", "a_b": 1}},
        }),
    );
    let keys = |rendered: &Value| {
        rendered["extensions"]
            .as_object()
            .unwrap()
            .keys()
            .next()
            .cloned()
    };
    let batch = with(
        &[],
        Some("identity--11111111-1111-4111-8111-111111111111"),
        &[definition.clone(), tool.clone()],
    );
    assert_eq!(
        keys(batch[1].as_ref().unwrap()),
        Some(minted("extension-definition"))
    );
    assert_eq!(validate(batch[0].as_ref().unwrap()), Ok(()));
    assert_eq!(
        keys(&one(&[], tool).unwrap()),
        Some(id("extension-definition"))
    );
    assert_eq!(
        with(&[], None, &[definition]),
        [None],
        "STIX requires its creator"
    );
}

#[test]
fn observables_inside_a_deprecated_objects_dictionary_are_rendered_too() {
    let domain = sco(
        "domain-name",
        json!({"value": "acme.example", "resolves_to_refs": ["1"]}),
    );
    let observed = sdo(
        "observed-data",
        json!({
            "first_observed": "2024-01-01T00:00:00Z", "last_observed": "2024-01-01T00:00:00Z",
            "number_observed": 1, "objects": {"0": domain, "1": {"type": "ipv4-addr", "value": "192.0.2.1"}},
        }),
    );
    let rendered = one(&[("acme", "x")], observed).unwrap();
    let inner = &rendered["objects"]["0"];
    assert_eq!(inner["id"], id::deterministic_id(inner).unwrap().as_str());
    assert_eq!(inner["resolves_to_refs"], json!(["1"]));
}

#[test]
fn rendering_is_stable_and_does_not_depend_on_the_batch() {
    let tool = sdo("tool", json!({"name": "acme tool"}));
    let link = sdo(
        "relationship",
        json!({
            "relationship_type": "uses", "source_ref": id("campaign"), "target_ref": id("tool"),
        }),
    );
    let strip = [("acme", "x")];
    let together = with(&strip, None, &[tool.clone(), link.clone()]);
    assert_eq!(with(&strip, None, &[tool]), together[..1]);
    assert_eq!(with(&strip, None, &[link]), together[1..]);
}

#[test]
fn canonical_bytes_ignore_order_and_spelling_and_nothing_else() {
    let read = |text: &str| canonical(&serde_json::from_str(text).unwrap());
    assert_eq!(
        read(r#"{"a":1.0,"b":"\u00e9"}"#),
        read(r#"{ "b" : "é", "a": 1 }"#)
    );
    assert_ne!(read(r#"{"a":[1,2]}"#), read(r#"{"a":[2,1]}"#));
    assert_ne!(read(r#"{"a":"1"}"#), read(r#"{"a":1}"#));
}
