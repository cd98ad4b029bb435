//! `sekisho council …`: the directory file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::council_plan;
use crate::app;
use crate::clock::Clock;
use crate::council::plan::diff;
use crate::council::{CouncilFile, Directory};
use crate::exchange::plan::Planned;

#[derive(Subcommand, Debug)]
pub enum Council {
    /// Read a council file and report every fault with its place.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Show what a council file would change, before anything changes.
    Plan {
        /// The file.
        file: PathBuf,
        /// The hub's database: also shows who gains or loses sight of which items.
        #[arg(long, env = "SEKISHO_DATABASE", required_unless_present = "against")]
        database: Option<String>,
        /// Compare with this file instead, without a database and so without items.
        #[arg(long, conflicts_with = "database")]
        against: Option<PathBuf>,
        /// List at most so many items of one change; all of them with `--json`.
        #[arg(long, default_value_t = 10)]
        items: usize,
        /// Print the plan as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a council file in force; hubs that are running follow at their next request.
    Apply {
        /// The file.
        file: PathBuf,
        /// The hub's database.
        #[arg(long, env = "SEKISHO_DATABASE")]
        database: String,
    },
}

impl Council {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Apply { file, database } => {
                read(&file)?;
                let exchange = app::open(&database, Some(&std::fs::read_to_string(&file)?)).await?;
                println!(
                    "council version {} is in force",
                    exchange.directory().version()
                );
                Ok(())
            }
            Self::Plan {
                file,
                database,
                against,
                items,
                json,
            } => {
                let new = Directory::new(0, read(&file)?);
                let planned = match (against, database) {
                    (Some(against), _) => {
                        let old = Directory::new(0, read(&against)?);
                        let plan = diff(&old, &new, Clock::System.now());
                        Planned {
                            in_force: 0,
                            plan,
                            impacts: Vec::new(),
                        }
                    }
                    (None, Some(database)) => {
                        exists(&database)?;
                        app::open(&database, None).await?.plan(&new).await?
                    }
                    (None, None) => bail!("plan against what? use --database or --against"),
                };
                if json {
                    println!("{}", serde_json::to_string_pretty(&planned)?);
                } else {
                    print!("{}", council_plan::text(&planned, items));
                }
                Ok(())
            }
            Self::Check { file } => {
                let council = read(&file)?;
                println!(
                    "{}: {} bodies, {} principals, {} schemes; no fault",
                    file.display(),
                    council.bodies.len(),
                    council.principals.len(),
                    council.schemes.len()
                );
                Ok(())
            }
        }
    }
}

/// A plan makes no database: a mistyped SQLite file would answer that nothing is stored.
fn exists(database: &str) -> anyhow::Result<()> {
    if let Some(file) = database.strip_prefix("sqlite:") {
        let file = file.trim_start_matches("//");
        let file = file.split_once('?').map_or(file, |(file, _)| file);
        if !file.starts_with(":memory:") && !Path::new(file).exists() {
            bail!("there is no database `{file}`");
        }
    }
    Ok(())
}

/// Reads and checks a council file.
///
/// # Errors
/// When it cannot be read, or with every fault in it.
pub fn read(path: &Path) -> anyhow::Result<CouncilFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read council file `{}`", path.display()))?;
    match CouncilFile::parse(&text) {
        Ok(file) => Ok(file),
        Err(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("{}:\n  {}", path.display(), lines.join("\n  "))
        }
    }
}
