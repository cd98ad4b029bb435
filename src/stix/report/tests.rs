//! The mapping over the samples, by hand-made neighbours and at random.

use std::collections::BTreeSet;

use super::*;
use crate::report::{Report, anonymise::anonymise, sample};
use proptest::prelude::*;

fn stix(report: &Value) -> Vec<Value> {
    let id = |kind: &str, role: &str| {
        format!(
            "{kind}--{}",
            uuid::Uuid::new_v5(
                &uuid::Uuid::NAMESPACE_OID,
                format!("{kind}/{role}/{report}").as_bytes()
            )
        )
    };
    let creator = json!({
        "type": "identity", "spec_version": "2.1", "id": "identity--0d3e5c1a-5d3f-4b43-9d1d-7f4e8d2b6a11",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "name": "Hub", "identity_class": "organization"
    });
    let ctx = Mapping {
        id: &id,
        created: "2026-07-01T00:00:00.000Z".to_owned(),
        modified: "2026-07-02T00:00:00.000Z".to_owned(),
        creator: Some(creator),
        object_marking_refs: vec![
            "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421".to_owned(),
        ],
    };
    to_stix(report, &ctx)
}

fn of_type<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["type"] == kind)
        .collect()
}

fn no_null_and_nothing_empty(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty() && list.iter().all(no_null_and_nothing_empty),
        Value::Object(members) => {
            !members.is_empty() && members.values().all(no_null_and_nothing_empty)
        }
        _ => true,
    }
}

fn comes_back(report: &Value) {
    let mut objects = stix(report);
    assert!(objects.iter().all(no_null_and_nothing_empty));
    assert!(
        objects
            .iter()
            .all(|object| object["spec_version"] == "2.1" && object["name"] != "")
    );
    objects.reverse();
    assert_eq!(from_stix(&objects).as_ref(), Ok(report));
}

fn practice() -> Value {
    json!({
        "kind": "best_practice", "sector": "water", "title": {"en": "Drill"}, "summary": {"ja": "要旨", "en": "Gist"},
        "practice": {"ja": "訓練する", "en": "Drill it"}, "preconditions": [{"ja": "人"}], "cost": {"en": "little"},
        "worked_in_sectors": ["gas"], "prevents_causes": ["user_error"], "reference": "W-1", "stage": "follow_up",
        "related": ["8f14e45f-ceea-467f-9a36-dcbbf1b2c3d4"], "best_practices": [{"ja": "あ".repeat(200), "en": "short"}],
        "handling": {"scheme": "S4", "level": "機密性2", "tlp": "AMBER", "named": ["p1"]},
        "particulars": {"org": {"ja": "甲"}}, "lesson": {"en": "L"}
    })
}

fn with_indicators() -> Value {
    let mut report = practice();
    report["indicators"] = json!([
        {"type": "other", "value": "*maint", "note": {"en": "account"}},
        {"type": "asn", "value": "AS64496"}, {"type": "asn", "value": "64497"},
        {"type": "sha256", "value": "5b8e"}, {"type": "file_name", "value": "a'\\b'] OR [file:name = 'c"},
        {"type": "cve", "value": "CVE-2026-12345", "note": {"ja": "注", "en": "note"}}, {"type": "cve", "value": "CVE 2026"},
        {"type": "url", "value": "https://a.example/?q='", "note": {"ja": "注"}},
        {"type": "user_agent", "value": "Mozilla/5.0"}, {"type": "ipv6", "value": "2001:DB8::/32"}
    ]);
    report
}

#[test]
fn every_sample_comes_back_as_submitted_and_anonymised() {
    let mut all = Vec::new();
    for value in sample::reports() {
        comes_back(&value);
        let report = Report::from_value(value.clone()).unwrap();
        let profile = BTreeSet::from(["amount".to_owned()]);
        let plain = anonymise(&report, &profile);
        comes_back(&plain);
        all.extend([stix(&value), stix(&plain)]);
    }
    comes_back(&practice());
    all.push(stix(&with_indicators()));
    // For a run of the OASIS validator over what this test made.
    if let Some(dir) = std::env::var_os("STIX_DUMP") {
        for (number, objects) in all.iter().enumerate() {
            let bundle = json!({
                "type": "bundle", "id": format!("bundle--6f1f9e0c-7b8e-4d61-9f5c-{number:012}"), "objects": objects
            });
            std::fs::write(
                std::path::Path::new(&dir).join(format!("{number:02}.json")),
                bundle.to_string(),
            )
            .unwrap();
        }
    }
}

#[test]
fn standard_properties_carry_what_they_stand_for() {
    let report = &sample::reports()[0];
    let objects = stix(report);
    let incident = of_type(&objects, "incident")[0];
    assert_eq!(
        (&incident["name"], &incident["description"]),
        (&report["title"]["ja"], &report["summary"]["ja"])
    );
    assert_eq!(incident["lang"], "ja");
    let core = &incident["extensions"][INCIDENT_CORE_EXTENSION];
    assert_eq!(
        (&core["determination"], &core["investigation_status"]),
        (&json!("confirmed"), &json!("closed"))
    );
    assert_eq!(core["scores"][0]["value"], 1);
    let tie = of_type(&objects, "report")[0];
    let parts = objects.iter().filter(|o| {
        !matches!(
            o["type"].as_str(),
            Some("identity" | "language-content" | "report")
        )
    });
    assert_eq!(
        tie["object_refs"],
        json!(parts.map(|o| &o["id"]).collect::<Vec<_>>())
    );
    assert_eq!(tie["external_references"][0]["external_id"], "FIN-01");
    assert_eq!(of_type(&objects, "course-of-action").len(), 9);
    let patterns: Vec<_> = of_type(&objects, "indicator")
        .iter()
        .map(|o| o["pattern"].clone())
        .collect();
    assert_eq!(
        patterns,
        [
            "[ipv4-addr:value = '198.51.100.24']",
            "[ipv4-addr:value = '203.0.113.77']"
        ]
    );
    let language = of_type(&objects, "language-content");
    assert_eq!(
        language[0]["contents"]["en"],
        json!({"name": report["title"]["en"], "description": report["summary"]["en"]})
    );
    assert_eq!(language[0]["object_modified"], incident["modified"]);
    for object in &objects[1..] {
        assert_eq!(object["created_by_ref"], objects[0]["id"]);
        assert_eq!(object["object_marking_refs"].as_array().unwrap().len(), 1);
        let own = object["extensions"][REPORT_EXTENSION].to_string();
        for said in [
            &report["title"]["ja"],
            &report["summary"]["en"],
            &report["best_practices"][0]["ja"],
            &json!("198.51.100.24"),
        ] {
            assert!(
                !own.contains(said.as_str().unwrap()),
                "{said} repeated in {own}"
            );
        }
    }
}

#[test]
fn first_reports_and_near_misses_are_suspected_and_open_until_final() {
    let core = |events: Value, stage: &str| {
        let report = json!({
            "kind": "incident_cause", "sector": "gas", "title": {"en": "T"}, "summary": {"en": "S"},
            "event_types": events, "cause_types": ["unknown"], "stage": stage
        });
        let objects = stix(&report);
        let core = objects[1]["extensions"][INCIDENT_CORE_EXTENSION].clone();
        format!(
            "{} {}",
            core["determination"].as_str().unwrap(),
            core["investigation_status"].as_str().unwrap()
        )
    };
    assert_eq!(core(json!(["near_miss"]), "final"), "suspected closed");
    assert_eq!(
        core(json!(["near_miss", "info_leak"]), "final"),
        "confirmed closed"
    );
    assert_eq!(core(json!(["info_leak"]), "follow_up"), "confirmed open");
    assert_eq!(core(json!(["info_leak"]), "first"), "suspected open");
}

#[test]
fn a_text_in_the_other_language_is_marked_and_not_taken_for_a_translation() {
    let objects = stix(&practice());
    let tie = of_type(&objects, "report")[0];
    assert_eq!(
        (&tie["lang"], &tie["description"]),
        (&json!("en"), &json!("Gist"))
    );
    let mixed = json!({
        "kind": "best_practice", "sector": "gas", "title": {"ja": "題"}, "summary": {"en": "S"}, "practice": {"en": "P"}
    });
    let objects = stix(&mixed);
    let tie = of_type(&objects, "report")[0];
    assert_eq!(
        tie["granular_markings"],
        json!([{"lang": "en", "selectors": ["description"]}])
    );
    assert!(of_type(&objects, "language-content").is_empty());
    comes_back(&mixed);
}

#[test]
fn indicators_keep_their_order_and_their_very_values() {
    let report = with_indicators();
    comes_back(&report);
    let objects = stix(&report);
    assert_eq!(
        (
            of_type(&objects, "indicator").len(),
            of_type(&objects, "vulnerability").len()
        ),
        (6, 1)
    );
    assert!(
        objects
            .iter()
            .any(|o| o["pattern"] == r"[file:name = 'a\'\\b\'] OR [file:name = \'c']")
    );
}

#[test]
fn empty_containers_come_back() {
    let mut report = sample::reports()[1].clone();
    report["countermeasures"] = json!({"interim": [], "permanent": []});
    report["impact"] = json!({"ripple_to": []});
    report["particulars"] = json!({});
    report["best_practices"] = json!([]);
    assert!(Report::from_value(report.clone()).is_ok());
    comes_back(&report);
    report["countermeasures"] = json!({"interim": [{"ja": "一"}], "permanent": []});
    comes_back(&report);
}

#[test]
fn missing_and_foreign_objects_are_told_apart() {
    let objects = stix(&practice());
    let without = |kind: &str| {
        objects
            .iter()
            .filter(|o| o["type"] != kind)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(from_stix(&without("report")), Err(FromStixError::NoReport));
    assert!(matches!(
        from_stix(&without("course-of-action")),
        Err(FromStixError::MissingObject(_))
    ));
    let twice: Vec<Value> = objects
        .iter()
        .chain(&stix(&sample::reports()[0]))
        .cloned()
        .collect();
    assert_eq!(from_stix(&twice), Err(FromStixError::SeveralReports(2)));
    let mut foreign = objects.clone();
    foreign.push(json!({"type": "report", "id": "report--x", "name": "no extension"}));
    assert_eq!(from_stix(&foreign), Ok(practice()));
    let mut broken = objects.clone();
    let tie = broken
        .iter_mut()
        .find(|object| object["type"] == "report")
        .unwrap();
    tie["report_types"] = json!("best-practice");
    assert!(matches!(
        from_stix(&broken),
        Err(FromStixError::Malformed {
            property: "report_types",
            ..
        })
    ));
}

#[test]
fn without_a_creator_or_markings_the_properties_are_left_out() {
    let id = |kind: &str, role: &str| format!("{kind}--{role}");
    let ctx = Mapping {
        id: &id,
        created: String::new(),
        modified: String::new(),
        creator: None,
        object_marking_refs: Vec::new(),
    };
    for object in to_stix(&practice(), &ctx) {
        assert!(
            object.get("created_by_ref").is_none() && object.get("object_marking_refs").is_none()
        );
    }
}

fn text() -> impl Strategy<Value = Value> {
    let words = r"\PC{0,150}[a-zあ-ん'\\]";
    prop_oneof![
        words.prop_map(|ja| json!({ "ja": ja })),
        words.prop_map(|en| json!({ "en": en })),
        (words, words).prop_map(|(ja, en)| json!({ "ja": ja, "en": en })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_report_comes_back(
        title in text(), summary in text(), cause in text(), reference in r"\PC{0,20}[a-z]",
        practices in prop::collection::vec(text(), 0..4), interim in prop::collection::vec(text(), 0..4),
        values in prop::collection::vec((0..13_usize, r"\PC{0,20}[0-9'\\]"), 0..5),
        band in 0..u64::MAX, strip in r"\PC{0,3}[a-zあ-ん]",
    ) {
        const TYPES: [&str; 13] = ["ipv4", "ipv6", "domain", "url", "email", "sha256", "sha1", "md5", "file_name", "asn", "user_agent", "cve", "other"];
        let indicators: Vec<Value> = values.iter().map(|(t, v)| json!({"type": TYPES[*t], "value": v})).collect();
        let value = json!({
            "kind": "incident_cause", "sector": "gas", "title": title, "summary": summary, "root_cause": cause,
            "event_types": ["other_event"], "cause_types": ["unknown"], "reference": reference,
            "best_practices": practices, "countermeasures": {"interim": interim}, "indicators": indicators,
            "impact": {"affected_count": band % 9_007_199_254_740_991},
            "must_anonymise": [{"text": strip, "type": "org", "replace_ja": reference}],
        });
        let report = Report::from_value(value.clone());
        prop_assert!(report.is_ok(), "{:?}", report);
        comes_back(&value);
        let plain = anonymise(&report.unwrap(), &BTreeSet::new());
        let again = Report::from_value(plain.clone());
        prop_assert!(again.is_ok(), "{:?} {}", again, plain);
        comes_back(&plain);
        let left = serde_json::to_string(&[&plain["title"], &plain["root_cause"], &plain["best_practices"]]).unwrap();
        prop_assert!(strip.chars().count() < 3 || strip.contains(['"', '\\']) || !left.contains(&strip));
    }
}
