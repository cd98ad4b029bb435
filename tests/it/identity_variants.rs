//! What the anonymity check finds in a text and what it must leave alone: a corpus of spellings, and
//! marks planted at random. What a finding does is in `anonymity`.

use std::sync::LazyLock;

use proptest::prelude::*;
use sekisho::report::Report;
use sekisho::report::identity_check::{Finding, FindingKind, IdentityCheck, Mark};
use serde_json::{Value, json};

fn corpus() -> (IdentityCheck, Vec<Value>) {
    let data: Value = serde_json::from_str(include_str!("../data/identity_variants.json")).unwrap();
    let list = |key: &str| -> Vec<String> {
        let list = data["marks"][key].as_array().unwrap().iter();
        list.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut marks: Vec<Mark> = list("names").into_iter().map(Mark::Name).collect();
    marks.extend(list("domains").into_iter().map(Mark::Domain));
    marks.extend(
        list("networks")
            .iter()
            .map(|net| Mark::Network(net.parse().unwrap())),
    );
    marks.extend(list("people").into_iter().map(Mark::Person));
    marks.extend(list("ids").into_iter().map(Mark::Id));
    marks.extend(list("references").into_iter().map(Mark::Reference));
    let rows = data["rows"].as_array().unwrap().clone();
    (IdentityCheck::new(&marks, &[]), rows)
}

fn kinds(findings: &[Finding]) -> Vec<String> {
    let mut kinds: Vec<String> = findings
        .iter()
        .map(|finding| {
            serde_json::to_value(finding.kind)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn every_variant_of_the_corpus_is_found_and_every_neighbour_is_not() {
    let (check, rows) = corpus();
    assert!(rows.len() >= 120, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let text = row["text"].as_str().unwrap();
        let wanted: Vec<&str> = row["found"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k.as_str().unwrap())
            .collect();
        let found = kinds(&check.find(&json!({ "note": [text] })));
        let fits = match wanted.as_slice() {
            [] => found.is_empty(),
            wanted => wanted.iter().all(|kind| found.iter().any(|f| f == kind)),
        };
        if !fits {
            wrong.push(format!("{text:?}: wanted {wanted:?}, found {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

/// Every place of a value where a string can be planted: the value itself, or a new key.
fn places(value: &Value, pointer: String, out: &mut Vec<(String, bool)>) {
    match value {
        Value::String(_) => out.push((pointer, false)),
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                places(item, format!("{pointer}/{index}"), out);
            }
        }
        Value::Object(members) => {
            out.push((pointer.clone(), true));
            for (key, item) in members {
                places(
                    item,
                    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
                    out,
                );
            }
        }
        _ => {}
    }
}

/// Plants a text at a place, after what stands there or as a key; the pointer a finding must name.
fn plant(value: &mut Value, place: &(String, bool), text: &str) -> String {
    let (pointer, as_key) = place;
    let found = value.pointer_mut(pointer).unwrap();
    if *as_key {
        found
            .as_object_mut()
            .unwrap()
            .insert(text.to_owned(), json!("x"));
        return format!("{pointer}/{}", text.replace('~', "~0").replace('/', "~1"));
    }
    let before = found.as_str().unwrap().to_owned();
    *found = json!(format!("{before} {text}"));
    pointer.clone()
}

/// A STIX object with nesting, references, hashes and keys of every sort.
fn stix_object() -> Value {
    json!({
        "type": "observed-data", "spec_version": "2.1",
        "id": "observed-data--b67d30ff-02ac-498a-92f9-32f845f448cf",
        "created_by_ref": "identity--f431f809-377b-45e0-aa1c-6a4751cae5ff",
        "created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z",
        "object_refs": ["file--30038539-3eb6-44bc-a59e-d0d3fe84695a"], "labels": ["beacon"],
        "external_references": [{"source_name": "cve", "external_id": "CVE-2026-0001"}],
        "extensions": {"extension-definition--d83fce45-ef58-4c6c-a3f4-1fbc32e98c6e": {
            "extension_type": "property-extension", "rows": [{"name": "甲", "nested": {"deep": ["x", "y"]}}]
        }},
    })
}

/// Spells a mark in a way that changes no letter.
fn respelled(text: &str, way: u8) -> String {
    let each = |put: &str| -> String {
        let mut out = String::new();
        for (at, ch) in text.chars().enumerate() {
            if at > 0 && !ch.is_whitespace() {
                out.push_str(put);
            }
            out.push(ch);
        }
        out
    };
    let map = |of: &dyn Fn(char) -> char| -> String { text.chars().map(of).collect() };
    let code = |ch: char, by: i64| {
        char::from_u32(u32::try_from(i64::from(u32::from(ch)) + by).unwrap()).unwrap()
    };
    match way {
        0 => text.to_owned(),
        1 => each("\u{200b}"),
        2 => map(&|ch| {
            if ('ぁ'..='ゖ').contains(&ch) {
                code(ch, 0x60)
            } else {
                ch
            }
        }),
        3 => map(&|ch| {
            if ('!'..='~').contains(&ch) {
                code(ch, 0xfee0)
            } else {
                ch
            }
        }),
        4 => text.to_uppercase(),
        5 => map(&|ch| match ch {
            'a' => 'а',
            'o' => 'о',
            'e' => 'е',
            'c' => 'с',
            _ => ch,
        }),
        6 => text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        7 => text
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        8 => text
            .chars()
            .map(|ch| format!("&#{};", u32::from(ch)))
            .collect(),
        _ => each("\u{ad}"),
    }
}

/// The thirty sample cases, anonymised.
static RENDITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../demo/cases.json")).unwrap();
    let rendition = |case: Value| {
        let report = Report::from_value(case["report"].clone()).unwrap();
        sekisho::report::anonymise::anonymise(&report, &Default::default())
    };
    cases.into_iter().map(rendition).collect()
});

fn all_marks() -> Vec<(Mark, &'static str, FindingKind)> {
    let uuid = |text: &str| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, text.as_bytes());
    vec![
        (
            Mark::Name("株式会社あかつき中央銀行".into()),
            "あかつき中央銀行",
            FindingKind::Name,
        ),
        (
            Mark::Name("Akatsuki Chuo Bank, Ltd.".into()),
            "Akatsuki Chuo Bank",
            FindingKind::Name,
        ),
        (
            Mark::Person("霧野 いずる".into()),
            "霧野いずる",
            FindingKind::Person,
        ),
        (
            Mark::Person("Izuru Kirino".into()),
            "Kirino Izuru",
            FindingKind::Person,
        ),
        (
            Mark::Domain("akatsuki-bank.example".into()),
            "mail.akatsuki-bank.example",
            FindingKind::Domain,
        ),
        (
            Mark::Network("10.77.0.0/16".parse().unwrap()),
            "10.77.1.9",
            FindingKind::Network,
        ),
        (
            Mark::Network("2001:db8:1::/48".parse().unwrap()),
            "2001:db8:1::7",
            FindingKind::Network,
        ),
        (
            Mark::Id("finance-op1".into()),
            "finance-op1",
            FindingKind::Id,
        ),
        (
            Mark::Reference("INC-12345".into()),
            "INC-12345",
            FindingKind::Id,
        ),
        (
            Mark::Own(uuid("a"), "a report".into()),
            "57b3ba3e-5d0b-5cb8-9be6-8c0a0a1d0fd0",
            FindingKind::Id,
        ),
        (
            Mark::Guessable(uuid("b"), "x".into()),
            "",
            FindingKind::GuessableId,
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_mark_planted_anywhere_in_any_spelling_is_found_there(
        of in 0_usize..31, mark in 0_usize..11, way in 0_u8..10, at in any::<prop::sample::Index>(),
    ) {
        let mut value = RENDITIONS.get(of).cloned().unwrap_or_else(stix_object);
        let all = all_marks();
        let (planted, text, kind) = &all[mark];
        let text = match planted {
            Mark::Own(uuid, _) | Mark::Guessable(uuid, _) => format!("file--{uuid}"),
            _ => (*text).to_owned(),
        };
        let check = IdentityCheck::new(std::slice::from_ref(planted), &[]);
        prop_assert!(check.find(&value).is_empty(), "nothing is there before");
        let mut open = Vec::new();
        places(&value, String::new(), &mut open);
        let text = respelled(&text, way);
        let pointer = plant(&mut value, at.get(&open), &text);
        let found = check.find(&value);
        prop_assert!(
            found.iter().any(|finding| finding.pointer == pointer && finding.kind == *kind),
            "{text:?} at {pointer}: {found:?}"
        );
        prop_assert!(found.iter().all(|finding| finding.pointer == pointer), "and nowhere else: {found:?}");
    }
}

/// How long the check takes, for the record; a bound on time would fail on a busy machine.
#[test]
fn the_check_of_a_report_is_measured() {
    let check = IdentityCheck::new(
        &all_marks()
            .into_iter()
            .map(|(mark, ..)| mark)
            .collect::<Vec<_>>(),
        &[],
    );
    assert_eq!(RENDITIONS.len(), 30);
    let (clock, mut found) = (std::time::Instant::now(), Vec::new());
    for rendition in RENDITIONS.iter() {
        found.extend(check.find(rendition));
    }
    let each = clock.elapsed().as_micros() / RENDITIONS.len() as u128;
    println!("{each} µs for the check of a report, in this profile");
    assert_eq!(found, [], "the sample cases name none of these");
}
