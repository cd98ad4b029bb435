//! `sekisho policy …`: questions to the handling rule alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::council::read;
use crate::clock::Clock;
use crate::council::Directory;
use crate::council::combine::{Combination, Term, combine};
use crate::council::question::{self, Answer, Verdict};

#[derive(Subcommand, Debug)]
pub enum Policy {
    /// Join levels: what becomes of an item made of several sources.
    Combine {
        /// The council file.
        #[arg(long)]
        council: PathBuf,
        /// Print the rule as JSON.
        #[arg(long)]
        json: bool,
        /// `BODY:LEVEL` or `SCHEME:LEVEL`; a scheme's name stands for one nameless body of it.
        #[arg(required = true)]
        terms: Vec<String>,
    },
    /// Ask the questions of a file; the command fails where any is answered otherwise than expected.
    Test {
        /// The questions, in TOML: see `docs/handling.md`.
        file: PathBuf,
        /// The council file.
        #[arg(long)]
        council: PathBuf,
        /// Print the answers as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Policy {
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Test {
                file,
                council,
                json,
            } => test(&file, &council, json),
            Self::Combine {
                council,
                json,
                terms,
            } => {
                let directory = Directory::new(0, read(&council)?);
                let terms = terms
                    .iter()
                    .map(|term| term.parse())
                    .collect::<Result<Vec<Term>, _>>()?;
                let answer = combine(&directory, &terms, Clock::System.now())?;
                if json {
                    println!("{}", serde_json::to_string_pretty(&answer)?);
                } else {
                    print(&answer);
                }
                Ok(())
            }
        }
    }
}

fn test(file: &Path, council: &Path, json: bool) -> anyhow::Result<()> {
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

fn print(answer: &Combination) {
    for clause in &answer.clauses {
        let value = match &clause.value {
            serde_json::Value::String(text) => text.clone(),
            grant if clause.dimension.starts_with("audience.") => format!(
                "{}, {}",
                grant["depth"].as_str().unwrap_or("none"),
                grant["form"].as_str().unwrap_or("none")
            ),
            other => other.to_string(),
        };
        println!(
            "{:<28} {value:<34} {}",
            clause.dimension,
            clause.decided_by.join("; ")
        );
    }
    if answer.conflicts.is_empty() {
        println!("conflicts                    none");
    } else {
        println!(
            "conflicts                    {}",
            answer.conflicts.join(", ")
        );
    }
}
