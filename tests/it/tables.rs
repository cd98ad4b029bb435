//! Exhaustive tables: all pairs of TLP, and all pairs of the twenty levels with all conflict codes,
//! against a computation that shares nothing with the product.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sekisho::council::combine::combine;
use sekisho::council::standing_answers::meet;
use sekisho::council::{CouncilFile, Directory};
use sekisho::handling::{Join, Tlp};
use serde_json::{Value, json};

#[test]
fn all_pairs_of_tlp() {
    // Row and column CLEAR, GREEN, AMBER, AMBER+STRICT, RED, written out.
    let table = [
        ["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"],
        ["GREEN", "GREEN", "AMBER", "AMBER+STRICT", "RED"],
        ["AMBER", "AMBER", "AMBER", "AMBER+STRICT", "RED"],
        [
            "AMBER+STRICT",
            "AMBER+STRICT",
            "AMBER+STRICT",
            "AMBER+STRICT",
            "RED",
        ],
        ["RED", "RED", "RED", "RED", "RED"],
    ];
    for (a, row) in Tlp::ALL.iter().zip(table) {
        for (b, joined) in Tlp::ALL.iter().zip(row) {
            assert_eq!(a.join(b).word(), joined, "{a} {b}");
        }
    }
}

/// Loose to strict, as the handling rule's own table writes them.
fn chain(dimension: &str) -> &'static [&'static str] {
    match dimension {
        "tlp" => &["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"],
        "depth" => &["members_all", "members_ntk", "analyst", "poc", "none"],
        "form" => &["identified", "anonymised", "none"],
        "attribution" => &["name_ok", "pseudonym", "sector_only", "withheld"],
        "passing" => &["allow", "nda", "approval", "deny"],
        "mode" => &["none", "silent", "explicit", "two_person"],
        "no_reply" => &["release", "escalate", "refuse"],
        "automated" => &["allow", "no_training", "no_external_ai", "human_only"],
        other => panic!("{other} is no chain"),
    }
}

fn stricter(dimension: &str, a: &Value, b: &Value) -> Value {
    let rank = |value: &Value| {
        let place = chain(dimension).iter().position(|word| value == word);
        place.unwrap_or_else(|| panic!("{dimension}: {value}"))
    };
    json!(chain(dimension)[rank(a).max(rank(b))])
}

fn strings(value: &Value) -> BTreeSet<&str> {
    let list = value.as_array().unwrap().iter();
    list.map(|item| item.as_str().unwrap()).collect()
}

fn smaller(a: &Value, b: &Value) -> Value {
    match (a.as_u64(), b.as_u64()) {
        (Some(a), Some(b)) => json!(a.min(b)),
        (one, other) => json!(one.or(other)),
    }
}

const UNIVERSE: [&str; 13] = [
    "ceptoar:S1",
    "ceptoar:S2",
    "ceptoar:S3",
    "ceptoar:S4",
    "ceptoar:S5",
    "ceptoar:OTHER",
    "national_centre",
    "ministry:FSA",
    "ministry:MIC",
    "ministry:METI",
    "ministry:MHLW",
    "ministry:MLIT",
    "observers",
];

fn column(scheme: &str, body: &str) -> &'static str {
    let own_ministry = match scheme {
        "S1" => "ministry:FSA",
        "S2" | "S4" => "ministry:MIC",
        "S3" => "ministry:METI",
        "S5" => "ministry:MHLW",
        other => panic!("{other}"),
    };
    if body == format!("ceptoar:{scheme}") {
        "own_ceptoar"
    } else if body.starts_with("ceptoar:") {
        "other_ceptoars"
    } else if body == own_ministry {
        "own_ministry"
    } else if body.starts_with("ministry:") {
        "other_ministries"
    } else if body == "national_centre" {
        "national_centre"
    } else {
        "observers"
    }
}

/// Two lines of the table of levels, joined by hand; with the conflict codes.
fn joined(a: &Value, b: &Value) -> (BTreeMap<&'static str, Value>, BTreeSet<String>) {
    let scheme = |level: &Value| level["scheme"].as_str().unwrap().to_owned();
    let mut rule = BTreeMap::new();
    for name in ["tlp", "attribution", "no_reply", "automated"] {
        rule.insert(name, stricter(name, &a[name], &b[name]));
    }
    let onward: serde_json::Map<String, Value> = ["group", "vendor", "client", "overseas"]
        .map(|to| {
            (
                to.to_owned(),
                stricter("passing", &a["onward"][to], &b["onward"][to]),
            )
        })
        .into_iter()
        .collect();
    rule.insert("onward", Value::Object(onward));
    let (mut approvals, mut hours) = (serde_json::Map::new(), serde_json::Map::new());
    for level in [a, b] {
        for (who, mode) in level["approvals"].as_object().unwrap() {
            let before = approvals.get(who).cloned().unwrap_or(json!("none"));
            approvals.insert(who.clone(), stricter("mode", &before, mode));
            let known = hours.get(who).cloned().unwrap_or(Value::Null);
            hours.insert(who.clone(), smaller(&known, &level["reply_hours"]));
        }
    }
    rule.insert("approvals", Value::Object(approvals));
    rule.insert("reply_hours", Value::Object(hours));
    let (one, two) = (
        strings(&a["purposes_allowed"]),
        strings(&b["purposes_allowed"]),
    );
    let allowed: BTreeSet<&str> = one.into_iter().filter(|word| two.contains(word)).collect();
    let both = |name: &str| {
        let mut all = strings(&a[name]);
        all.extend(strings(&b[name]));
        json!(all)
    };
    let prohibited = both("purposes_prohibited");
    let left = allowed
        .iter()
        .any(|word| !strings(&prohibited).contains(word));
    rule.insert("purposes_allowed", json!(allowed));
    rule.insert("purposes_prohibited", prohibited);
    rule.insert("anonymise", both("anonymise"));
    rule.insert(
        "retention_max_days",
        smaller(&a["retention_max_days"], &b["retention_max_days"]),
    );
    rule.insert("ack_hours", smaller(&a["ack_hours"], &b["ack_hours"]));
    for name in ["retention_min_days", "k"] {
        rule.insert(name, json!(a[name].as_u64().max(b[name].as_u64())));
    }
    let jp = a["storage_jp_only"] == true || b["storage_jp_only"] == true;
    rule.insert("storage_jp_only", json!(jp));
    // A CLEAR level has nothing to become looser to; of the others never wins, else the later.
    let counted: Vec<&Value> = [a, b]
        .into_iter()
        .filter(|level| level["tlp"] != "CLEAR")
        .map(|level| &level["downgrade_after_days"])
        .collect();
    let downgrade = if counted.iter().any(|days| days.is_null()) {
        None
    } else {
        counted.iter().map(|days| days.as_u64().unwrap()).max()
    };
    rule.insert("downgrade_after_days", json!(downgrade));

    let mut audience = serde_json::Map::new();
    let mut readers = BTreeSet::new();
    for body in UNIVERSE {
        let half = |half: &str| {
            let of = |level: &Value| level["audience"][column(&scheme(level), body)][half].clone();
            stricter(half, &of(a), &of(b))
        };
        audience.insert(
            body.to_owned(),
            json!({"depth": half("depth"), "form": half("form")}),
        );
        if half("depth") != "none" {
            readers.insert(body);
        }
    }
    rule.insert("audience", Value::Object(audience));

    let mut codes = BTreeSet::new();
    let (min, max) = (&rule["retention_min_days"], &rule["retention_max_days"]);
    if max.as_u64().is_some_and(|max| min.as_u64().unwrap() > max) {
        codes.insert("RETENTION_CONFLICT".to_owned());
    }
    if !left {
        codes.insert("NO_COMMON_PURPOSE".to_owned());
    }
    if readers.is_empty() {
        codes.insert("EMPTY_AUDIENCE".to_owned());
    }
    for level in [a, b] {
        let name = scheme(level);
        if !readers.contains(format!("ceptoar:{name}").as_str()) {
            codes.insert(format!("ORIGIN_EXCLUDED:{name}"));
        }
    }
    let is_government = |body: &&&str| **body == "national_centre" || body.starts_with("ministry:");
    if readers.iter().all(|body| !body.starts_with("ceptoar:"))
        && readers.iter().any(|body| is_government(&body))
    {
        codes.insert("GOVERNMENT_ONLY".to_owned());
    }
    (rule, codes)
}

fn demo() -> Directory {
    let text = include_str!("../../demo/council.toml");
    Directory::new(1, CouncilFile::parse(text).unwrap())
}

fn at() -> DateTime<Utc> {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn levels() -> Vec<Value> {
    let lines = include_str!("../data/levels.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn term(level: &Value) -> String {
    let word = |name: &str| level[name].as_str().unwrap().to_owned();
    format!("{}:{}", word("scheme"), word("level"))
}

#[test]
fn all_pairs_of_levels_come_out_as_by_hand_in_every_dimension_and_every_conflict_code() {
    let (demo, levels) = (demo(), levels());
    assert_eq!(levels.len(), 20);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for a in &levels {
        for b in &levels {
            let terms = [term(a).parse().unwrap(), term(b).parse().unwrap()];
            let ours = combine(&demo, &terms, at()).unwrap();
            let value = serde_json::to_value(&ours).unwrap();
            let (rule, codes) = joined(a, b);
            for (dimension, expected) in &rule {
                let (ours, expected) = (sorted(&value[*dimension]), sorted(expected));
                assert_eq!(ours, expected, "{} {} {dimension}", term(a), term(b));
            }
            let said: BTreeSet<String> = ours.conflicts.iter().cloned().collect();
            assert_eq!(said.len(), ours.conflicts.len());
            assert_eq!(said, codes, "{} {}", term(a), term(b));
            for code in codes {
                *seen
                    .entry(code.split(':').next().unwrap().to_owned())
                    .or_default() += 1;
            }
        }
    }
    // The table is no table if a code never occurs; `defence` is in all of these levels.
    let kinds: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "EMPTY_AUDIENCE",
            "GOVERNMENT_ONLY",
            "ORIGIN_EXCLUDED",
            "RETENTION_CONFLICT"
        ]
    );
}

/// Sets are written as lists in no order of their own.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items = items.clone();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let sorted: BTreeMap<&String, Value> = members
                .iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

#[test]
fn two_levels_without_a_common_purpose_conflict_and_one_word_in_common_is_enough() {
    let text = include_str!("../../demo/council.toml");
    let of = |text: &str| Directory::new(1, CouncilFile::parse(text).unwrap());
    let codes = |directory: &Directory| {
        let terms = ["S1:公開可", "S2:第1種"].map(|term| term.parse().unwrap());
        combine(directory, &terms, at()).unwrap().conflicts
    };
    assert_eq!(codes(&of(text)), Vec::<String>::new());
    let wanted = "purposes_allowed = [\"defence\", \"improve\", \"newsletter\", \"policy\", \"research\", \"statistics\", \"training\"]\n  purposes_prohibited = []";
    let none = text.replacen(
        wanted,
        "purposes_allowed = [\"sales\"]\n  purposes_prohibited = []",
        1,
    );
    assert!(none != text);
    assert_eq!(codes(&of(&none)), ["NO_COMMON_PURPOSE"]);
    let one = none.replacen(
        "[\"sales\"]\n  purposes_prohibited = []",
        "[\"sales\", \"policy\"]\n  purposes_prohibited = []",
        1,
    );
    assert_eq!(codes(&of(&one)), Vec::<String>::new());
    // Prohibited wins, also where both allow it.
    let cancelled = one.replacen(
        "[\"sales\", \"policy\"]\n  purposes_prohibited = []",
        "[\"sales\", \"policy\"]\n  purposes_prohibited = [\"policy\"]",
        1,
    );
    assert_eq!(codes(&of(&cancelled)), ["NO_COMMON_PURPOSE"]);
}

#[test]
fn the_matrix_of_what_can_meet_is_the_hand_made_table_with_newsletters() {
    let levels = levels();
    let meeting = meet(&demo(), at()).unwrap();
    assert_eq!(
        meeting.pairs.len(),
        210,
        "twenty levels, each pair once, and with themselves"
    );
    let by_name: BTreeMap<String, &Value> = levels.iter().map(|one| (term(one), one)).collect();
    let mut meets = 0;
    for pair in &meeting.pairs {
        let (a, b) = (by_name[&pair.a], by_name[&pair.b]);
        let (_, mut codes) = joined(a, b);
        let keeps = |level: &Value| {
            strings(&level["purposes_allowed"]).contains("newsletter")
                && !strings(&level["purposes_prohibited"]).contains("newsletter")
        };
        if !(keeps(a) && keeps(b)) {
            codes.insert("NOT_FOR_NEWSLETTER".to_owned());
        }
        assert_eq!(
            pair.codes.iter().cloned().collect::<BTreeSet<_>>(),
            codes,
            "{} {}",
            pair.a,
            pair.b
        );
        meets += usize::from(pair.may_meet());
    }
    // The seven levels that serve newsletters at all can all meet.
    assert_eq!(meets, 28);
    let pair = meeting
        .pairs
        .iter()
        .find(|pair| pair.a == "S1:会員限" && pair.b == "S1:会員限");
    let between = pair.unwrap().codes_between_two.as_ref().unwrap();
    assert!(
        between.contains(&"GOVERNMENT_ONLY".to_owned()),
        "{between:?}"
    );
}
