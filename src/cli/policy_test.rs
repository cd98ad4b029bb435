//! `sekisho policy test`: a CEPTOAR's own questions, one line for each answer.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};

use super::council::read;
use crate::clock::Clock;
use crate::council::Directory;
use crate::council::question::{self, Answer, Verdict};

/// Asks every question of the file.
///
/// # Errors
/// When a name in it is not the council's, or an answer is not the one expected.
pub fn run(file: &Path, council: &Path, json: bool) -> anyhow::Result<()> {
    let directory = Directory::new(0, read(council)?);
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read questions `{}`", file.display()))?;
    let questions = question::parse(&text, &directory, Clock::System.now()).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}:\n  {}", file.display(), lines.join("\n  "))
    })?;
    let answers: Vec<Answer> = questions
        .iter()
        .map(|question| question::ask(question, &directory))
        .collect();
    let wrong = answers
        .iter()
        .filter(|answer| answer.verdict != Verdict::Right)
        .count();
    if json {
        println!("{}", serde_json::to_string_pretty(&answers)?);
    } else {
        for answer in &answers {
            println!("{}", line(answer));
        }
        println!("{} questions, {wrong} answered otherwise", answers.len());
    }
    if wrong > 0 {
        bail!(
            "{wrong} of {} questions are answered otherwise",
            answers.len()
        );
    }
    Ok(())
}

/// One question on one line: verdict, place, question, answer, reason.
fn line(answer: &Answer) -> String {
    let verdict = match answer.verdict {
        Verdict::Right => "ok  ",
        Verdict::Wrong | Verdict::Empty => "FAIL",
    };
    let head = format!("{verdict} line {:<4} {}", answer.line, answer.ask);
    let Some(case) = &answer.case else {
        return format!("{head}  there is nobody to ask about");
    };
    let many = match answer.cases {
        1 => String::new(),
        cases => format!(" [{cases} cases]"),
    };
    if answer.verdict == Verdict::Right {
        return format!("{head}  {}: {}{many}", case.answer.word(), case.reason);
    }
    if case.answer == answer.expect {
        let list = |who: &BTreeSet<String>| {
            let who: Vec<&str> = who.iter().map(String::as_str).collect();
            if who.is_empty() {
                "nobody".to_owned()
            } else {
                who.join(", ")
            }
        };
        let expected = answer.expect_consent.as_ref().map(list).unwrap_or_default();
        return format!(
            "{head}  expected the consent of {expected}, it takes that of {} ({}){many}",
            list(&case.consent),
            case.source
        );
    }
    format!(
        "{head}  expected {}, is {} for {} from {}: {}{many}",
        answer.expect.word(),
        case.answer.word(),
        case.reader,
        case.source,
        case.reason
    )
}
