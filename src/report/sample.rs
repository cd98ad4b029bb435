//! The thirty fictional sample cases as reports, for tests.

use serde_json::{Map, Value, json};

/// Converts every sample case, without loss of what a report can hold.
pub(crate) fn reports() -> Vec<Value> {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/data/sample_cases.json")).unwrap();
    assert_eq!(cases.len(), 30);
    cases.iter().map(report).collect()
}

fn report(case: &Value) -> Value {
    let mut impact = case["impact"].as_object().unwrap().clone();
    let description = impact.shift_remove("ja").unwrap();
    impact.insert("description".to_owned(), json!({ "ja": description }));
    impact.insert("affected_count".to_owned(), case["affected_count"].clone());
    let timeline = case["timeline"].as_array().unwrap().iter();
    let timeline: Vec<Value> = timeline
        .map(|e| json!({"at": e["at"], "text": {"ja": e["ja"]}}))
        .collect();
    let measures = &case["countermeasures"];
    json!({
        "kind": "incident_cause",
        "handling": case["handling"],
        "reference": case["id"],
        "stage": "final",
        "source_operator": format!("op-{}", case["id"].as_str().unwrap().to_lowercase()),
        "sector": case["sector"],
        "useful_for_sectors": case["useful_for_sectors"],
        "title": case["title"],
        "summary": case["summary"],
        "information_classes": codes(&case["information_class"]),
        "organisation": case["organisation"],
        "narrative": {"ja": case["narrative_ja"]},
        "must_anonymise": case["must_anonymise"],
        "lesson": case["lesson"],
        "best_practices": japanese(&case["best_practices_ja"]),
        "contributing_factors": japanese(&case["contributing_factors_ja"]),
        "indicators": case["indicators"].as_array().unwrap().iter().map(indicator).collect::<Vec<_>>(),
        "event_types": codes(&case["event_types"]),
        "cause_types": codes(&case["cause_types"]),
        "sub_cause": case["sub_cause"],
        "malicious": case["kind"],
        "severity": case["severity"],
        "impact": impact,
        "timeline": timeline,
        "root_cause": {"ja": case["root_cause_ja"]},
        "countermeasures": {"interim": japanese(&measures["interim_ja"]), "permanent": japanese(&measures["permanent_ja"])}
    })
}

/// Kinds of the samples that the report has no type for keep their word in the note.
fn indicator(item: &Value) -> Value {
    let word = item["type"].as_str().unwrap();
    let mut out = Map::new();
    let kind = match word {
        "ipv4" | "domain" | "url" | "sha256" => word,
        "ipv4-range" => "ipv4",
        "file-name" | "ransom-note-name" => "file_name",
        _ => "other",
    };
    out.insert("type".to_owned(), json!(kind));
    out.insert("value".to_owned(), item["value"].clone());
    if kind == "other" {
        out.insert("note".to_owned(), json!({"en": word}));
    }
    Value::Object(out)
}

fn codes(list: &Value) -> Vec<Value> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["code"].clone())
        .collect()
}

fn japanese(list: &Value) -> Vec<Value> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| json!({ "ja": text }))
        .collect()
}
