//! `sekisho policy …`: questions to the handling rule alone.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::charter;
use super::council::read;
use super::{policy_static, policy_test};
use crate::clock::Clock;
use crate::council::Directory;
use crate::council::combine::{Combination, Term, combine};
use crate::council::standing_answers::{dead, meet, who};

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
    /// Who could ever see an item of a level, in which form, with whose consent.
    Who {
        /// The council file.
        #[arg(long)]
        council: PathBuf,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
        /// `BODY:LEVEL`, or `SCHEME:LEVEL` for every body that uses the scheme.
        term: String,
    },
    /// Which levels can never meet in one newsletter: every pair, with its conflict codes.
    Meet {
        /// The council file.
        #[arg(long)]
        council: PathBuf,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Rules that are dead: they say what can never come to pass.
    Dead {
        /// The council file.
        #[arg(long)]
        council: PathBuf,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check a file of Cedar policies as a charter's: its text, its names, the council's cases.
    Check {
        /// The policies.
        file: PathBuf,
        /// The council file whose charter's policies they would replace.
        #[arg(long)]
        council: PathBuf,
    },
    /// Prove the charter's invariants with the solver cvc5; fails where one does not hold, and
    /// where nothing can be proved.
    Prove {
        /// The council file.
        #[arg(long)]
        council: PathBuf,
    },
}

impl Policy {
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Test {
                file,
                council,
                json,
            } => policy_test::run(&file, &council, json),
            Self::Who {
                council,
                json,
                term,
            } => {
                let directory = Directory::new(0, read(&council)?);
                let answer = who(&directory, &term.parse()?, Clock::System.now())?;
                show(json, &answer, |answer| policy_static::who(answer))
            }
            Self::Meet { council, json } => {
                let directory = Directory::new(0, read(&council)?);
                let answer = meet(&directory, Clock::System.now())?;
                show(json, &answer, policy_static::meet)
            }
            Self::Dead { council, json } => {
                let directory = Directory::new(0, read(&council)?);
                let answer = dead(&directory, Clock::System.now());
                show(json, &answer, |answer| policy_static::dead(answer))
            }
            Self::Check { file, council } => charter::check(&file, &council),
            Self::Prove { council } => charter::prove(&council),
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

fn show<T: Serialize>(json: bool, answer: &T, text: impl Fn(&T) -> String) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(answer)?);
    } else {
        print!("{}", text(answer));
    }
    Ok(())
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
