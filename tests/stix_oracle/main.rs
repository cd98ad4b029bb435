//! Whether the hub's verdict on STIX objects is the OASIS validator's, over a corpus made here. What
//! each rule says in detail is tested where the rule is kept, in `src/stix`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails by panicking"
)]

mod bodies;
mod corpus;
mod dice;
mod differences;
mod freedoms;
mod patterns;
mod table;
mod values;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use corpus::{Case, Maker};
use differences::KEPT;
use freedoms::FREE;
use sekisho::stix::{Violation, validate};
use serde_json::Value;
use table::Table;

/// The corpus is the same in every run.
const SEED: u64 = 20_261_123;

/// What the OASIS validator says of one object.
struct Opinion {
    valid: bool,
    errors: Vec<String>,
}

/// Every third object is asked about; `SEKISHO_ORACLE=all` asks about each (minutes).
const SAMPLE: usize = 3;

fn ask_oracle(python: &str, cases: &[Case]) -> Vec<Opinion> {
    // Two at a time: the validator takes milliseconds an object.
    let halves: Vec<&[Case]> = cases.chunks(cases.len().div_ceil(2)).collect();
    std::thread::scope(|scope| {
        let asked: Vec<_> = halves
            .into_iter()
            .map(|half| scope.spawn(|| ask_one(python, half)))
            .collect();
        asked
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    })
}

fn ask_one(python: &str, cases: &[Case]) -> Vec<Opinion> {
    let mut child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/stix_oracle/oracle.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|case| format!("{}\n", case.object))
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            let errors = answer["errors"].as_array().unwrap();
            Opinion {
                valid: answer["valid"].as_bool().unwrap(),
                errors: errors
                    .iter()
                    .map(|error| error.as_str().unwrap().to_owned())
                    .collect(),
            }
        })
        .collect()
}

/// The classes that together explain a difference: one for each of the hub's violations, or for each of
/// the validator's errors. `None` where one is left over.
fn classes(
    table: &Table,
    case: &Case,
    opinion: &Opinion,
    ours: &[Violation],
) -> Option<Vec<&'static str>> {
    if opinion.valid {
        let class = |violation| {
            KEPT.iter()
                .find(|kept| (kept.covers)(table, &case.object, violation))
        };
        ours.iter()
            .map(|violation| class(violation).map(|kept| kept.name))
            .collect()
    } else {
        let class = |error: &String| FREE.iter().find(|free| (free.covers)(&case.object, error));
        opinion
            .errors
            .iter()
            .map(|error| class(error).map(|free| free.name))
            .collect()
    }
}

#[test]
fn every_class_of_difference_is_in_the_document_and_no_other_is() {
    let document = include_str!("../../docs/stix-validation.md");
    let listed: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let known: BTreeSet<&str> = KEPT
        .iter()
        .map(|kept| kept.name)
        .chain(FREE.iter().map(|free| free.name))
        .collect();
    assert_eq!(listed, known);
}

/// Objects that nothing was done to: the hub takes each, whatever the validator says.
#[test]
fn what_keeps_the_tables_is_taken() {
    let cases = Maker::run(&Table::read(), SEED);
    assert!(cases.len() > 2_000 * SAMPLE);
    let (mut whole, mut refused) = (0, Vec::new());
    for case in &cases {
        if case.place.is_none() && !case.label.contains(" together ") {
            whole += 1;
            let found = validate(&case.object).err().unwrap_or_default();
            refused.extend(
                found
                    .iter()
                    .map(|violation| format!("{}: {violation}", case.label)),
            );
        }
    }
    assert!(whole > 250, "{whole}");
    assert_eq!(refused, [""; 0]);
}

/// A change is found where it was made, or above or below it, or where it shows: a selector that no
/// longer resolves, a choice, an id that content makes.
#[test]
fn a_violation_is_found_at_the_change() {
    let cases = Maker::run(&Table::read(), SEED);
    let (mut refused, mut elsewhere) = (0, Vec::new());
    for case in &cases {
        let (Some(place), Err(found)) = (&case.place, validate(&case.object)) else {
            continue;
        };
        refused += 1;
        let near = |violation: &Violation| {
            place.starts_with(&violation.pointer) || violation.pointer.starts_with(place.as_str())
        };
        // What goes together names another of its properties.
        let choices = [
            "/type",
            "/definition_type",
            "/is_multipart",
            "/is_family",
            "/url",
            "/created",
            "/first_seen",
            "/first_observed",
            "/valid_from",
            "/start_time",
            "/start",
        ];
        let choice = case.label.ends_with(" left out") || choices.contains(&place.as_str());
        if !found.iter().any(near) && !choice {
            elsewhere.push(format!("{}: {:?}", case.label, found));
        }
    }
    assert!(refused > 5_000, "{refused}");
    assert_eq!(elsewhere, [""; 0]);
}

#[test]
fn the_verdict_is_the_oasis_validators() {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        return;
    };
    let table = Table::read();
    let all = std::env::var("SEKISHO_ORACLE").is_ok_and(|which| which == "all");
    let cases: Vec<Case> = Maker::run(&table, SEED)
        .into_iter()
        .enumerate()
        .filter(|(at, case)| all || case.single || at % SAMPLE == 0)
        .map(|(_, case)| case)
        .collect();
    assert!(cases.len() >= 2_000);
    let opinions = ask_oracle(&python, &cases);
    assert_eq!(opinions.len(), cases.len());
    let (mut agree, mut valid) = (0, 0);
    let (mut explained, mut unexplained) = (BTreeMap::new(), Vec::new());
    for (case, opinion) in cases.iter().zip(&opinions) {
        let ours = validate(&case.object).err().unwrap_or_default();
        valid += usize::from(opinion.valid);
        if opinion.valid == ours.is_empty() {
            agree += 1;
            continue;
        }
        match classes(&table, case, opinion, &ours) {
            Some(classes) => {
                for class in classes.into_iter().collect::<BTreeSet<_>>() {
                    *explained.entry(class).or_insert(0) += 1;
                }
            }
            None => unexplained.push(format!(
                "{} | ours {ours:?} | validator {:?}",
                case.label, opinion.errors
            )),
        }
    }
    let total = cases.len();
    let percent = |part: usize, of: usize| 100.0 * part as f64 / of as f64;
    println!(
        "{total} objects, {valid} valid for the validator; raw agreement {agree} ({:.2} %)",
        percent(agree, total)
    );
    println!(
        "after the listed differences {:.2} %; {explained:#?}",
        percent(agree, agree + unexplained.len())
    );
    let unused = |name: &&str| !explained.contains_key(name);
    let unused: Vec<&str> = KEPT
        .iter()
        .map(|kept| kept.name)
        .chain(FREE.iter().map(|free| free.name))
        .filter(unused)
        .collect();
    println!("classes without a case: {unused:?}");
    // The issue asks for 99 %; a difference that nobody has looked at is worth a failure each.
    assert_eq!(
        unexplained,
        [""; 0],
        "{} differences are in no class",
        unexplained.len()
    );
    assert!(
        percent(agree, total) > 80.0,
        "the lists must not eat the corpus"
    );
    // A sample may miss a rare class; the whole corpus has a case of each.
    assert!(!all || unused.is_empty(), "{unused:?}");
}
