//! Whether the hub's verdict on STIX objects is the OASIS validator's, over a corpus made here. What
//! each rule says in detail is tested where the rule is kept, in `src/stix`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails by panicking"
)]

mod corpus;
mod patterns;
mod table;
mod values;
mod whole;

use std::io::Write;
use std::process::{Command, Stdio};

use corpus::{Case, Maker};
use sekisho::stix::{Violation, validate};
use serde_json::Value;

/// What the OASIS validator says of one object.
struct Opinion {
    valid: bool,
    errors: Vec<String>,
}

fn ask_oracle(python: &str, cases: &[Case]) -> Vec<Opinion> {
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stix_oracle/oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{}\n", case.object)).collect();
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
                errors: errors.iter().map(|error| error.as_str().unwrap().to_owned()).collect(),
            }
        })
        .collect()
}

#[test]
fn the_verdict_is_the_oasis_validators() {
    let Ok(python) = std::env::var("TEST_PYTHON") else {
        return;
    };
    let table = table::Table::read();
    let cases = Maker::run(&table, 20_261_123);
    let opinions = ask_oracle(&python, &cases);
    assert_eq!(opinions.len(), cases.len());
    let ours: Vec<Vec<Violation>> = cases
        .iter()
        .map(|case| validate(&case.object).err().unwrap_or_default())
        .collect();
    let (mut agree, mut valid) = (0, 0);
    for ((case, opinion), violations) in cases.iter().zip(&opinions).zip(&ours) {
        valid += usize::from(opinion.valid);
        if opinion.valid == violations.is_empty() {
            agree += 1;
        } else {
            println!("DIFF {} | ours {:?} | oracle {:?}", case.label,
                violations.iter().map(|v| format!("{} {}", v.pointer, v.rule)).collect::<Vec<_>>(), opinion.errors);
        }
    }
    println!("{agree} of {} agree, {valid} valid", cases.len());
}
