//! The seven joins of the handling rule, and the exhaustive tables over the five demo schemes.

use chrono::{DateTime, Utc};
use sekisho::council::combine::combine;
use sekisho::council::{CouncilFile, Directory};
use sekisho::handling::{Column, Tlp};
use serde_json::Value;

fn at() -> DateTime<Utc> {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn demo() -> Directory {
    let text = include_str!("../../demo/council.toml");
    Directory::new(1, CouncilFile::parse(text).unwrap())
}

fn combined(directory: &Directory, terms: &[&str]) -> Value {
    let terms: Vec<_> = terms.iter().map(|term| term.parse().unwrap()).collect();
    serde_json::to_value(combine(directory, &terms, at()).unwrap()).unwrap()
}

#[test]
fn every_vector_comes_out_whole() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/vectors.json")).unwrap();
    assert_eq!(vectors.len(), 7);
    let demo = demo();
    for vector in vectors {
        let items: Vec<&str> = vector["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap())
            .collect();
        let ours = combined(&demo, &items);
        for (dimension, expected) in vector["rule"].as_object().unwrap() {
            assert_eq!(&ours[dimension], expected, "{items:?} {dimension}");
        }
        let reversed: Vec<&str> = items.iter().rev().copied().collect();
        assert_eq!(combined(&demo, &reversed), ours, "order of {items:?}");
    }
}

#[test]
fn the_demo_schemes_are_the_twenty_levels_as_given() {
    let demo = demo();
    let lines: Vec<Value> = include_str!("../data/levels.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 20);
    for line in lines {
        let (scheme, name) = (
            line["scheme"].as_str().unwrap(),
            line["level"].as_str().unwrap(),
        );
        let (_, level) = demo.level(scheme, name, at().date_naive()).unwrap();
        let ours = serde_json::to_value(level).unwrap();
        for (key, value) in line.as_object().unwrap() {
            if key != "scheme" {
                assert_eq!(&ours[key], value, "{scheme} {name} {key}");
            }
        }
    }
}

#[test]
fn a_level_beyond_its_tlp_is_refused_and_the_same_level_at_its_tlp_is_not() {
    let text = include_str!("../../demo/council.toml");
    assert!(CouncilFile::parse(text).is_ok());
    // S1 連携セプター可 gives other CEPTOARs something, which AMBER+STRICT does not admit.
    let wider = text.replacen(
        "level = \"連携セプター可\"\n  tlp = \"AMBER\"",
        "level = \"連携セプター可\"\n  tlp = \"AMBER+STRICT\"",
        1,
    );
    assert!(
        wider != text,
        "the demo file is written as this test expects"
    );
    let faults = CouncilFile::parse(&wider).unwrap_err();
    assert!(
        faults
            .iter()
            .any(|fault| fault.message.contains("goes beyond TLP:AMBER+STRICT")),
        "{faults:?}"
    );
}

#[test]
fn a_dangling_body_is_refused_with_its_place() {
    let text = include_str!("../../demo/council.toml");
    let broken = text.replacen("body = \"FSA\"", "body = \"FSB\"", 1);
    assert!(broken != text);
    let faults = CouncilFile::parse(&broken).unwrap_err();
    assert!(faults[0].to_string().contains("`FSB`"), "{faults:?}");
}

/// All pairs of the twenty levels, nameless: each dimension at least as strict as both, and each
/// conflict code exactly where its definition puts it.
#[test]
fn every_pair_of_levels_is_no_wider_than_either_and_reports_its_conflicts() {
    let demo = demo();
    let terms: Vec<String> = demo
        .schemes(at().date_naive())
        .iter()
        .flat_map(|scheme| {
            scheme
                .levels
                .iter()
                .map(|level| format!("{}:{}", scheme.id, level.level))
        })
        .collect();
    let rank = |depth: &Value| {
        ["members_all", "members_ntk", "analyst", "poc", "none"]
            .iter()
            .position(|word| depth == word)
            .unwrap()
    };
    for a in &terms {
        for b in &terms {
            let pair = combined(&demo, &[a, b]);
            let (one, two) = (combined(&demo, &[a]), combined(&demo, &[b]));
            let tlp = |v: &Value| v["tlp"].as_str().unwrap().parse::<Tlp>().unwrap();
            assert_eq!(tlp(&pair), tlp(&one).max(tlp(&two)), "{a} {b}");
            let mut ceptoars = 0;
            let mut government = 0;
            for (body, grant) in pair["audience"].as_object().unwrap() {
                let depth = rank(&grant["depth"]);
                for part in [&one, &two] {
                    assert!(
                        depth >= rank(&part["audience"][body]["depth"]),
                        "{a} {b} {body}"
                    );
                }
                assert_eq!(grant["depth"] == "none", grant["form"] == "none");
                if grant["depth"] != "none" {
                    if body.starts_with("ceptoar:") {
                        ceptoars += 1;
                    } else if body != "observers" {
                        government += 1;
                    }
                }
            }
            let codes: Vec<&str> = pair["conflicts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|code| code.as_str().unwrap())
                .collect();
            let has = |code: &str| codes.contains(&code);
            let max = pair["retention_max_days"].as_u64();
            let min = pair["retention_min_days"].as_u64().unwrap();
            assert_eq!(
                has("RETENTION_CONFLICT"),
                max.is_some_and(|max| min > max),
                "{a} {b}"
            );
            assert_eq!(
                has("EMPTY_AUDIENCE"),
                ceptoars + government == 0 && pair["audience"]["observers"]["depth"] == "none"
            );
            assert_eq!(
                has("GOVERNMENT_ONLY"),
                ceptoars == 0 && government > 0,
                "{a} {b}"
            );
            for term in [a, b] {
                let scheme = term.split(':').next().unwrap();
                let shut_out = pair["audience"][format!("ceptoar:{scheme}")]["depth"] == "none";
                assert_eq!(
                    has(&format!("ORIGIN_EXCLUDED:{scheme}")),
                    shut_out,
                    "{a} {b}"
                );
            }
        }
    }
}

#[test]
fn two_bodies_of_one_scheme_are_other_to_each_other() {
    let demo = demo();
    let pair = combined(&demo, &["demo-finance:会員限", "demo-credit:会員限"]);
    assert_eq!(
        pair["conflicts"],
        serde_json::json!([
            "ORIGIN_EXCLUDED:demo-credit",
            "ORIGIN_EXCLUDED:demo-finance",
            "GOVERNMENT_ONLY"
        ])
    );
    // Each one's consent is its own point of contact's.
    assert_eq!(
        pair["approvals"],
        serde_json::json!({"demo-credit.poc": "explicit", "demo-finance.poc": "explicit"})
    );
    // Credit answers to METI and finance to FSA, though they share a scheme.
    let day = at().date_naive();
    let ministry = |ceptoar: &str, ministry: &str| {
        let body = demo.body(&ministry.into()).unwrap();
        demo.column(body, &ceptoar.into(), day)
    };
    assert_eq!(ministry("demo-credit", "METI"), Some(Column::OwnMinistry));
    assert_eq!(
        ministry("demo-finance", "METI"),
        Some(Column::OtherMinistries)
    );
    assert_eq!(ministry("demo-finance", "FSA"), Some(Column::OwnMinistry));
}
