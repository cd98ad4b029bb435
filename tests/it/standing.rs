//! Static answers: who could ever see a level, and which rules are dead. Each dead rule is made from
//! the demo's file by one change, and is not there without it.

use std::collections::BTreeSet;
use std::process::Command;

use sekisho::council::combine::CombineError;
use sekisho::council::standing_answers::{Dead, Finding, dead, who};
use sekisho::demo::COUNCIL;
use sekisho::handling::{Channel, Column, Depth, Form, decide};
use serde_json::Value;

use crate::plan::{altered, at, directory, from, with_version_2};

fn found(text: &str) -> BTreeSet<(String, Dead)> {
    dead(&directory(text), at())
        .into_iter()
        .map(|one| (one.place, one.code))
        .collect()
}

/// What one change makes dead that was not.
fn new_in(text: &str) -> Vec<(String, Dead)> {
    let before = found(COUNCIL);
    found(text).difference(&before).cloned().collect()
}

/// The demo's file with something changed after a mark.
fn after(mark: &str, from: &str, to: &str) -> String {
    let at = COUNCIL.find(mark).unwrap_or_else(|| panic!("no {mark}"));
    let (head, tail) = COUNCIL.split_at(at);
    assert!(tail.contains(from), "nothing to change after {mark}");
    format!("{head}{}", tail.replacen(from, to, 1))
}

#[test]
fn who_could_ever_see_a_level_is_who_the_decision_lets_in() {
    let demo = directory(COUNCIL);
    for scheme in demo.schemes(at().date_naive()) {
        for level in &scheme.levels {
            let term = format!("{}:{}", scheme.id, level.level).parse().unwrap();
            for answer in who(&demo, &term, at()).unwrap() {
                let rule = demo.level_rule(level, &from(answer.source.as_str()), at());
                let mut access = rule.access;
                access.need_to_know = None; // anyone could be named as needing to know
                let mut bodies = BTreeSet::new();
                for principal in demo.principals() {
                    let reader = demo.reader(principal, at()).unwrap();
                    for place in &reader.places {
                        let here = sekisho::handling::Reader {
                            places: vec![place.clone()],
                            ..reader.clone()
                        };
                        if decide(&access, &here, Channel::Console, at())
                            .form()
                            .is_some()
                        {
                            bodies.insert(place.body.to_string());
                        }
                    }
                }
                let said: BTreeSet<String> = answer
                    .readers
                    .iter()
                    .map(|reads| reads.body.to_string())
                    .filter(|body| body != "anybody")
                    .collect();
                assert_eq!(said, bodies, "{} {}", answer.source, level.level);
            }
        }
    }
}

#[test]
fn who_says_depth_form_consent_and_who_may_only_look() {
    let demo = directory(COUNCIL);
    let answers = who(&demo, &"S1:会員限".parse().unwrap(), at()).unwrap();
    let sources: Vec<&str> = answers.iter().map(|one| one.source.as_str()).collect();
    assert_eq!(sources, ["demo-finance", "demo-credit"]);
    let finance = &answers[0];
    assert_eq!(finance.consent[0].approver, "demo-finance.poc");
    assert_eq!(finance.consent[0].people, ["finance-poc", "finance-poc2"]);
    let own = finance
        .readers
        .iter()
        .find(|one| one.body.as_str() == "demo-finance")
        .unwrap();
    assert_eq!(
        (own.column, own.depth, own.form),
        (
            Some(Column::OwnCeptoar),
            Depth::MembersNtk,
            Form::Anonymised
        )
    );
    assert!(!own.with_consent);
    assert_eq!(own.view_only_members, ["finance-op5".into()]);
    let centre = finance
        .readers
        .iter()
        .find(|one| one.body.as_str() == "NCO")
        .unwrap();
    assert_eq!((centre.depth, centre.with_consent), (Depth::Poc, true));
    assert_eq!(centre.roles, ["points of contact"]);
    assert_eq!(finance.readers.len(), 2);
    assert!(finance.nobody_of.contains(&"demo-power".into()));

    // Nothing leaves under 特定宛先限, so nobody is asked.
    assert!(
        who(&demo, &"demo-finance:特定宛先限".parse().unwrap(), at()).unwrap()[0]
            .consent
            .is_empty()
    );
    let open = who(&demo, &"demo-finance:公開可".parse().unwrap(), at()).unwrap();
    assert!(
        open[0]
            .readers
            .iter()
            .any(|one| one.body.as_str() == "anybody")
    );
    let unknown = who(&demo, &"S1:無い".parse().unwrap(), at()).unwrap_err();
    assert!(matches!(unknown, CombineError::UnknownLevel { .. }));
    assert!(who(&demo, &"S9:会員限".parse().unwrap(), at()).is_err());
}

#[test]
fn who_could_ever_see_it_counts_the_version_to_come() {
    let text = with_version_2("S1", "2027-04-01", |text| {
        text.replace(
            "audience.national_centre = { depth = \"poc\", form = \"anonymised\" }",
            "audience.national_centre = { depth = \"analyst\", form = \"anonymised\" }",
        )
    });
    let answers = who(
        &directory(&text),
        &"demo-finance:会員限".parse().unwrap(),
        at(),
    )
    .unwrap();
    let depths: Vec<(u32, Depth)> = answers
        .iter()
        .map(|one| {
            let centre = one
                .readers
                .iter()
                .find(|reads| reads.body.as_str() == "NCO");
            (one.version, centre.unwrap().depth)
        })
        .collect();
    assert_eq!(depths, [(1, Depth::Poc), (2, Depth::Analyst)]);
}

#[test]
fn the_dead_rules_of_the_demo_are_known() {
    let places = |code: Dead| -> Vec<String> {
        let all = found(COUNCIL);
        all.into_iter()
            .filter(|(_, one)| *one == code)
            .map(|(place, _)| place)
            .collect()
    };
    // What nobody gets anonymised is stripped for nobody.
    assert_eq!(
        places(Dead::AnonymiseUnused),
        [
            "S1 v1 特定宛先限: anonymise",
            "S2 v1 第4種: anonymise",
            "S4 v1 機密性3: anonymise",
            "S5 v1 TLP:RED: anonymise"
        ]
    );
    assert_eq!(
        places(Dead::DowngradeAfterErasure),
        ["S3 v1 丙: downgrade_after_days"]
    );
    let consent: Vec<Finding> = dead(&directory(COUNCIL), at())
        .into_iter()
        .filter(|one| one.code == Dead::ApprovalNeverAsked)
        .collect();
    assert_eq!(consent.len(), 3);
    // For the centre itself nothing leaves under 第4種; for ICT it does.
    assert_eq!(consent[1].sources, BTreeSet::from(["NCO".into()]));
}

#[test]
fn each_kind_of_dead_rule_is_found_where_one_change_makes_it() {
    let is = |text: &str, code: Dead, place: &str| {
        let found = new_in(text);
        assert!(
            found.contains(&(place.to_owned(), code)),
            "{place}: {found:?}"
        );
    };
    is(
        &altered("id = \"chemical-ot-lead\"", "id = \"chemical-ot\"").replacen(
            "roles = [\"ot_lead\"]",
            "roles = [\"analyst\"]",
            20,
        ),
        Dead::ApproverNobody,
        "S3 v1 乙: approvals",
    );
    // Both roles by one person are one person too few.
    let at_chemical = COUNCIL.replace(
        "id = \"chemical-poc2\"\nkind = \"person\"",
        "id = \"chemical-poc2\"\nkind = \"service\"",
    );
    let lone = lone_lead(&at_chemical);
    is(&lone, Dead::TwoPersonTooFew, "S3 v1 乙: approvals");
    is(
        &after("id = \"demo-gov\"\n", "superior = \"NCO\"\n", ""),
        Dead::SuperiorMissing,
        "S4 v1 機密性2: approvals",
    );
    is(
        &after(
            "id = \"demo-gov\"\n",
            "superior = \"NCO\"\n",
            "superior = \"council\"\n",
        ),
        Dead::SuperiorNobody,
        "S4 v1 機密性2: approvals",
    );
    is(
        &COUNCIL.replace("retention_min_days = 3650", "retention_min_days = 100"),
        Dead::RetentionUndeclared,
        "S4 v1 機密性2: retention_min_days",
    );
    is(
        &COUNCIL.replace("storage_jp = true", "storage_jp = false"),
        Dead::GrantViewOnly,
        "S1 v1 会員限: audience.national_centre",
    );
    is(
        &altered("retention_min_days = 365", "retention_min_days = 4000"),
        Dead::LevelAlwaysHeld,
        "S4 v1 機密性3",
    );
    is(
        &altered(
            "purposes_prohibited = [\"credit_or_trading_decision\"]",
            "purposes_prohibited = [\"newsletter\"]",
        ),
        Dead::PurposesCancel,
        "S1 v1 公開可: purposes_allowed",
    );
    is(
        &altered(
            "[charter]\nversion = 1",
            "[charter]\nversion = 2\npurposes_prohibited = [\"newsletter\"]",
        ),
        Dead::PurposesCancel,
        "S3 v1 丁: purposes_allowed",
    );
    is(
        &COUNCIL
            .replace("kind = \"agency\"", "kind = \"council\"")
            .replace("standing = \"selection_pending\"", "standing = \"member\""),
        Dead::GrantNoBody,
        "S3 v1 丁: audience.observers",
    );
    is(
        &COUNCIL
            .replace("roles = [\"poc\"]", "roles = [\"auditor\"]")
            .replace("roles = [\"poc\", ", "roles = ["),
        Dead::GrantNoReader,
        "S3 v1 丁: audience.observers",
    );
    let no_operators = without_operators();
    is(
        &no_operators,
        Dead::DepthNoMembers,
        "S1 v1 会員限: audience.own_ceptoar",
    );
    is(
        &altered(
            "approvals = { \"S5.poc\" = \"silent\" }\n  no_reply = \"release\"",
            "approvals = { \"S5.poc\" = \"silent\" }\n  no_reply = \"refuse\"",
        ),
        Dead::NoReplyUnused,
        "S5 v1 TLP:GREEN: no_reply",
    );
    is(
        &altered("downgrade_after_days = 365", "downgrade_after_days = 2000"),
        Dead::DowngradeAfterErasure,
        "S2 v1 第2種: downgrade_after_days",
    );
    let overtaken = with_version_2("S1", "2027-04-01", str::to_owned);
    let third = overtaken.replacen(
        "version = 2\neffective = \"2027-04-01\"",
        "version = 3\neffective = \"2027-03-01\"",
        1,
    );
    let both = with_both(&overtaken, &third);
    is(&both, Dead::VersionNeverInForce, "S1 v2");
    is(&unused(), Dead::SchemeUnused, "S6 v1");
}

/// Chemical with one person who is both its point of contact and its lead, and nobody else.
fn lone_lead(text: &str) -> String {
    let mut file: toml::Table = toml::from_str(text).unwrap();
    let principals = file["principals"].as_array_mut().unwrap();
    principals.retain(|one| {
        one["body"].as_str() != Some("demo-chemical") || one["id"].as_str() == Some("chemical-poc")
    });
    for one in principals.iter_mut() {
        if one["id"].as_str() == Some("chemical-poc") {
            one["roles"] = toml::Value::Array(vec!["poc".into(), "ot_lead".into()]);
        }
    }
    toml::to_string(&file).unwrap()
}

/// No operator anywhere.
fn without_operators() -> String {
    let mut file: toml::Table = toml::from_str(COUNCIL).unwrap();
    let bodies = file["bodies"].as_array_mut().unwrap();
    let gone: BTreeSet<String> = bodies
        .iter()
        .filter(|one| one["kind"].as_str() == Some("operator"))
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    bodies.retain(|one| one["kind"].as_str() != Some("operator"));
    let principals = file["principals"].as_array_mut().unwrap();
    principals.retain(|one| !gone.contains(one["body"].as_str().unwrap()));
    toml::to_string(&file).unwrap()
}

/// The schemes of both files, each version once.
fn with_both(one: &str, other: &str) -> String {
    let mut file: toml::Table = toml::from_str(one).unwrap();
    let more: toml::Table = toml::from_str(other).unwrap();
    let third = more["schemes"].as_array().unwrap().iter();
    let third: Vec<toml::Value> = third
        .filter(|scheme| scheme["version"].as_integer() == Some(3))
        .cloned()
        .collect();
    file["schemes"].as_array_mut().unwrap().extend(third);
    toml::to_string(&file).unwrap()
}

fn unused() -> String {
    let mut file: toml::Table = toml::from_str(COUNCIL).unwrap();
    let schemes = file["schemes"].as_array_mut().unwrap();
    let mut sixth = schemes[1].clone();
    sixth["id"] = "S6".into();
    for level in sixth["levels"].as_array_mut().unwrap() {
        level["approvals"] = toml::Value::Table(toml::Table::new());
    }
    schemes.push(sixth);
    toml::to_string(&file).unwrap()
}

#[test]
fn every_static_answer_prints_json_that_a_program_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let council = dir.path().join("council.toml");
    std::fs::write(&council, COUNCIL).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command
            .arg("policy")
            .arg(words[0])
            .arg("--council")
            .arg(&council)
            .args(&words[1..]);
        let text = command.output().unwrap();
        assert!(text.status.success(), "{words:?}");
        let json = command.arg("--json").output().unwrap();
        assert!(!text.stdout.is_empty());
        serde_json::from_slice::<Value>(&json.stdout).unwrap()
    };
    assert_eq!(
        run(&["who", "S1:会員限"])[0]["readers"][1]["form"],
        "anonymised"
    );
    assert_eq!(run(&["meet"])["pairs"].as_array().unwrap().len(), 210);
    assert_eq!(run(&["dead"])[0]["code"], "ANONYMISE_UNUSED");
}

#[test]
fn a_plan_against_a_file_needs_no_database_and_a_plan_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.toml"), dir.path().join("new.toml"));
    std::fs::write(&old, COUNCIL).unwrap();
    std::fs::write(&new, altered("k = 5", "k = 6")).unwrap();
    let sekisho = || Command::new(env!("CARGO_BIN_EXE_sekisho"));
    let plan = |words: &[&str]| {
        sekisho()
            .args(["council", "plan"])
            .arg(&new)
            .args(words)
            .output()
            .unwrap()
    };
    let text = plan(&["--against", old.to_str().unwrap()]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("stricter  k: 5 -> 6"), "{text}");
    let json = plan(&["--against", old.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        json["plan"]["schemes"][0]["levels"][0]["turns"][0]["direction"],
        "stricter"
    );
    let missing = dir.path().join("no.sqlite");
    let address = format!("sqlite:{}", missing.display());
    let refused = plan(&["--database", &address]);
    assert!(!refused.status.success() && !missing.exists());
    assert!(!plan(&[]).status.success(), "against what?");
}
