//! Scenario questions: the demo's are answered as they say, a wrong expectation fails, an unknown name
//! is a fault with its line.

use std::process::Command;

use chrono::{DateTime, Utc};
use sekisho::council::question::{Answer, Expected, Verdict, ask, parse};
use sekisho::council::{CouncilFile, Directory};
use sekisho::demo::COUNCIL;
use serde_json::Value;

const QUESTIONS: &str = include_str!("../../demo/questions.toml");

fn at() -> DateTime<Utc> {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn demo() -> Directory {
    Directory::new(1, CouncilFile::parse(COUNCIL).unwrap())
}

fn answers(text: &str, directory: &Directory) -> Vec<Answer> {
    let questions = parse(text, directory, at()).unwrap();
    questions.iter().map(|one| ask(one, directory)).collect()
}

fn one(rest: &str) -> Answer {
    let text = format!("[[question]]\nask = \"?\"\n{rest}");
    answers(&text, &demo()).remove(0)
}

fn faults(text: &str) -> Vec<String> {
    let found = parse(text, &demo(), at()).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn every_question_of_the_demo_is_answered_as_expected_over_all_five_schemes() {
    let found = answers(QUESTIONS, &demo());
    assert!(found.len() >= 15);
    for answer in &found {
        assert_eq!(answer.verdict, Verdict::Right, "{answer:?}");
        assert!(!answer.case.as_ref().unwrap().reason.is_empty());
    }
    for scheme in ["S1", "S2", "S3", "S4", "S5"] {
        let tag = format!("{scheme} v1");
        let speaks = |answer: &Answer| answer.case.as_ref().unwrap().reason.contains(&tag);
        assert!(found.iter().any(speaks), "{scheme}");
    }
    // Each kind of answer but those the demo has no use for.
    for expected in [
        Expected::Deny,
        Expected::Hold,
        Expected::ViewOnly,
        Expected::Identified,
        Expected::Anonymised,
        Expected::Nda,
        Expected::Approval,
    ] {
        assert!(
            found.iter().any(|one| one.expect == expected),
            "{expected:?}"
        );
    }
}

/// No answer is right by any other name: each question of the demo with each other expectation fails.
#[test]
fn any_other_expectation_is_wrong() {
    let directory = demo();
    for question in parse(QUESTIONS, &directory, at()).unwrap() {
        for other in [
            Expected::Deny,
            Expected::Hold,
            Expected::ViewOnly,
            Expected::Identified,
            Expected::Anonymised,
            Expected::Allow,
            Expected::Nda,
            Expected::Approval,
        ] {
            let mut asked = question.clone();
            asked.expect = other;
            let right = ask(&asked, &directory).verdict == Verdict::Right;
            assert_eq!(
                right,
                other == question.expect,
                "{} {other:?}",
                question.ask
            );
        }
    }
}

#[test]
fn a_change_of_the_council_file_turns_the_question_it_touches_and_no_other() {
    let vendor = "onward = { group = \"deny\", vendor = \"approval\", client = \"deny\", overseas = \"deny\" }\n  approvals = { \"S3.poc\" = \"explicit\" }";
    let text = COUNCIL.replacen(vendor, &vendor.replace("approval\"", "deny\""), 1);
    assert!(text != COUNCIL);
    let changed = Directory::new(1, CouncilFile::parse(&text).unwrap());
    let wrong: Vec<Answer> = answers(QUESTIONS, &changed)
        .into_iter()
        .filter(|answer| answer.verdict == Verdict::Wrong)
        .collect();
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].ask.contains("maintenance vendor"));
    assert_eq!(wrong[0].case.as_ref().unwrap().answer, Expected::Deny);
}

#[test]
fn a_question_about_a_scheme_is_about_every_body_of_it() {
    // Finance and credit answer to different ministries: FSA is only finance's own.
    let own = "level = \"乙\"\nreader = { body = \"METI\", role = \"analyst\" }\nexpect = \"deny\"";
    assert_eq!(
        one(&format!("source = \"S3\"\n{own}")).verdict,
        Verdict::Right
    );
    let fsa = "source = \"S2\"\nlevel = \"第3種\"\nreader = { body = \"MLIT\", role = \"analyst\" }\nexpect = \"identified\"";
    let answer = one(fsa);
    assert_eq!(
        answer.verdict,
        Verdict::Wrong,
        "ICT does not answer to MLIT"
    );
    assert!(answer.cases > 1);
    let narrower = fsa.replace("\"S2\"", "\"demo-railway\"");
    assert_eq!(one(&narrower).verdict, Verdict::Right);
}

#[test]
fn whom_the_source_names_reads_and_nobody_else() {
    let question = |named: &str| {
        one(&format!(
            "source = \"demo-finance\"\nlevel = \"特定宛先限\"\nnamed = [\"{named}\"]\nreader = {{ principal = \"finance-analyst\" }}\nexpect = \"identified\""
        ))
    };
    assert_eq!(question("finance-analyst").verdict, Verdict::Right);
    let other = question("finance-poc");
    assert_eq!(other.verdict, Verdict::Wrong);
    assert!(other.case.unwrap().reason.contains("only named persons"));
}

#[test]
fn a_question_is_asked_of_the_version_in_force_on_its_day() {
    let before = "source = \"demo-finance\"\nlevel = \"会員限\"\nreader = { anybody = true }\nexpect = \"deny\"\nat = \"2025-03-31\"";
    let text = format!("[[question]]\nask = \"?\"\n{before}");
    assert!(faults(&text)[0].contains("no scheme in force on 2025-03-31"));
    assert_eq!(
        one(&before.replace("03-31", "04-01")).verdict,
        Verdict::Right
    );
}

#[test]
fn a_column_in_which_nobody_stands_is_no_answer() {
    let text = COUNCIL
        .replace("kind = \"agency\"", "kind = \"council\"")
        .replace("standing = \"selection_pending\"", "standing = \"member\"");
    let nobody = crate::plan::directory(&text);
    let question = "[[question]]\nask = \"?\"\nsource = \"demo-power\"\nlevel = \"丁\"\nreader = { column = \"observers\", role = \"poc\" }\nexpect = \"anonymised\"";
    assert_eq!(answers(question, &demo())[0].verdict, Verdict::Right);
    assert_eq!(answers(question, &nobody)[0].verdict, Verdict::Empty);
}

#[test]
fn consent_is_part_of_the_answer_where_it_is_asked() {
    let question = |consent: &str| {
        one(&format!(
            "source = \"demo-chemical\"\nlevel = \"乙\"\nreader = {{ body = \"NCO\", role = \"analyst\" }}\nconsent = {consent}\nexpect = \"anonymised\""
        ))
        .verdict
    };
    assert_eq!(question("[\"S3.poc\", \"S3.ot_lead\"]"), Verdict::Right);
    assert_eq!(question("[\"S3.poc\"]"), Verdict::Wrong);
    assert_eq!(question("[]"), Verdict::Wrong);
}

#[test]
fn an_unknown_name_is_a_fault_with_its_line() {
    let good = [
        "[[question]]",
        "ask = \"?\"",
        "source = \"demo-power\"",
        "level = \"丙\"",
        "sectors = [\"power\"]",
        "named = [\"gas-analyst\"]",
        "reader = { body = \"demo-gas\", role = \"analyst\" }",
        "purpose = \"defence\"",
        "consent = [\"S3.poc\"]",
        "at = \"2026-11-22\"",
        "expect = \"deny\"",
    ];
    assert!(parse(&good.join("\n"), &demo(), at()).is_ok());
    let broken = [
        (3, "source = \"demo-pewter\"", "demo-pewter"),
        (4, "level = \"丙丁\"", "it has 甲【制御】, 乙, 丙, 丁"),
        (5, "sectors = [\"power\", \"pewter\"]", "no sector"),
        (6, "named = [\"nobody\"]", "no principal"),
        (
            7,
            "reader = { body = \"demo-goose\", role = \"analyst\" }",
            "no body",
        ),
        (
            7,
            "reader = { body = \"demo-gas\", role = \"analist\" }",
            "no role",
        ),
        (7, "reader = { principal = \"nobody\" }", "no principal"),
        (7, "reader = { body = \"demo-gas\" }", "a reader is"),
        (7, "reader = { colour = \"red\" }", "unknown field"),
        (8, "purpose = \"revenge\"", "speaks of purpose"),
        (9, "consent = [\"S1.poc\"]", "neither `source` nor"),
        (10, "at = \"tomorrow\"", "neither a day nor"),
        (11, "expect = \"maybe\"", "unknown variant"),
        (11, "expect = \"nda\"", "say `onward`"),
        (11, "expects = \"deny\"", "unknown field"),
    ];
    for (line, text, says) in broken {
        let mut lines = good.to_vec();
        lines[line - 1] = text;
        let found = faults(&lines.join("\n"));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let place = format!("line {line}:");
        assert!(
            found[0].starts_with(&place) && found[0].contains(says),
            "{text}: {found:?}"
        );
    }
    assert!(faults("")[0].contains("no [[question]]"));
}

#[test]
fn the_published_schema_takes_the_demos_questions_and_refuses_what_the_reader_refuses() {
    let schema: Value =
        serde_json::from_str(include_str!("../../schemas/questions.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let read =
        |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    assert!(validator.is_valid(&read(QUESTIONS)));
    let good = "[[question]]\nask = \"?\"\nsource = \"demo-power\"\nlevel = \"丙\"\nreader = { anybody = true }\nexpect = \"deny\"\n";
    assert!(validator.is_valid(&read(good)));
    for (from, to) in [
        ("ask = \"?\"\n", ""),
        ("anybody = true", "anybody = true, role = \"poc\""),
        (
            "reader = { anybody = true }",
            "reader = { body = \"demo-gas\" }",
        ),
        ("expect = \"deny\"", "expect = \"approval\""),
        ("expect = \"deny\"", "expect = \"perhaps\""),
        ("level =", "grade ="),
    ] {
        let text = good.replacen(from, to, 1);
        assert!(!validator.is_valid(&read(&text)), "{text}");
        assert!(parse(&text, &demo(), at()).is_err(), "{text}");
    }
}

#[test]
fn the_command_succeeds_on_right_answers_and_fails_on_a_wrong_one() {
    let dir = tempfile::tempdir().unwrap();
    let run = |questions: &str, json: bool| {
        let file = dir.path().join("questions.toml");
        std::fs::write(&file, questions).unwrap();
        let council = dir.path().join("council.toml");
        std::fs::write(&council, COUNCIL).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command
            .args(["policy", "test"])
            .arg(&file)
            .arg("--council")
            .arg(&council);
        if json {
            command.arg("--json");
        }
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, text) = run(QUESTIONS, false);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.lines()
            .all(|line| line.starts_with("ok") || line.contains("0 answered otherwise"))
    );
    let wrong = QUESTIONS.replacen("expect = \"approval\"", "expect = \"allow\"", 1);
    let (code, text) = run(&wrong, false);
    assert_eq!(code, Some(1));
    let failed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("FAIL"))
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].contains("expected allow, is approval") && failed[0].contains("S3 v1 丙"),
        "{failed:?}"
    );
    let (code, text) = run(&wrong, true);
    assert_eq!(code, Some(1));
    let answers: Vec<Value> = serde_json::from_str(&text).unwrap();
    let wrong: Vec<&Value> = answers
        .iter()
        .filter(|one| one["verdict"] == "wrong")
        .collect();
    assert_eq!(
        (wrong.len(), &wrong[0]["case"]["answer"]),
        (1, &Value::from("approval"))
    );
    let line = wrong[0]["line"].as_u64().unwrap() as usize;
    assert_eq!(
        QUESTIONS.lines().nth(line - 1),
        Some("[[question]]"),
        "the line it starts on"
    );
}
