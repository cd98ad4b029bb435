//! `sekisho council …`: the directory file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::app;
use crate::council::CouncilFile;

#[derive(Subcommand, Debug)]
pub enum Council {
    /// Read a council file and report every fault with its place.
    Check {
        /// The file.
        file: PathBuf,
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
