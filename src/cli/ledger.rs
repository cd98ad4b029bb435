//! `sekisho ledger …`: the log as a file, and whether such a file holds.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;

use crate::app;
use crate::verifier::export::{Fault, Verified, Verifier};
use crate::verifier::note::Key;
use crate::verifier::proof;

#[derive(Subcommand, Debug)]
pub enum Ledger {
    /// Write the sealed log as JSON lines: its key, every leaf, every checkpoint.
    Export {
        /// The hub's database.
        #[arg(long, env = "SEKISHO_DATABASE")]
        database: String,
        /// The file to write; standard output without one.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Also what opens each leaf: for auditors alone, since it shows every decision.
        #[arg(long)]
        openings: bool,
        /// Print what was written as JSON; needs `--out`.
        #[arg(long, requires = "out")]
        json: bool,
    },
    /// Check an export, or an entry's proof, without any database.
    Verify {
        /// The file.
        file: PathBuf,
        /// The verifier key of the log, from `/v1/ledger/key`. Without it an export's own key is
        /// believed.
        #[arg(long)]
        key: Option<String>,
        /// A file with a checkpoint kept from before, which the log must contain.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Ledger {
    /// Runs `export`, which needs a database.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Export {
                database,
                out,
                openings,
                json,
            } => export(&database, out.as_deref(), openings, json).await,
            Self::Verify {
                file,
                key,
                checkpoint,
                json,
            } => verify(&file, key, checkpoint.as_deref(), json),
        }
    }
}

async fn export(
    database: &str,
    out: Option<&Path>,
    openings: bool,
    json: bool,
) -> anyhow::Result<()> {
    let exchange = app::open(database, None).await?;
    let to: Box<dyn Write> = match out {
        Some(path) => Box::new(
            File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?,
        ),
        None => Box::new(std::io::stdout()),
    };
    let mut to = BufWriter::new(to);
    let mut lines = 0_u64;
    let size = exchange
        .export_ledger(openings, |line| {
            lines += 1;
            to.write_all(line.as_bytes())
        })
        .await?;
    to.flush()?;
    if json {
        println!(
            "{}",
            json!({"size": size, "lines": lines, "openings": openings})
        );
    } else if let Some(path) = out {
        println!("{}: {size} leaves", path.display());
    }
    Ok(())
}

fn verify(
    path: &Path,
    key: Option<String>,
    checkpoint: Option<&Path>,
    json: bool,
) -> anyhow::Result<()> {
    let key = key.map(|key| key.trim().to_owned());
    let held = checkpoint
        .map(|path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))
        })
        .transpose()?;
    let pinned = key.is_some();
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut lines = BufReader::new(file);
    let mut first = Vec::new();
    lines.read_until(b'\n', &mut first)?;
    // An entry's proof is one JSON document, on as many lines as whoever saved it liked.
    if !first.starts_with(b"{\"kind\"") {
        let mut whole = first.clone();
        lines.read_to_end(&mut whole)?;
        let text = String::from_utf8_lossy(&whole).into_owned();
        if proof::looks_like_one(&text) {
            return verify_proof(path, &text, key.as_deref(), json);
        }
        return told(
            path,
            &verify_lines(&whole[..], Vec::new(), key, held)?,
            pinned,
            json,
        );
    }
    told(path, &verify_lines(lines, first, key, held)?, pinned, json)
}

fn verify_lines(
    mut lines: impl BufRead,
    first: Vec<u8>,
    key: Option<String>,
    held: Option<String>,
) -> anyhow::Result<Result<Verified, Fault>> {
    let mut verifier = Verifier::new(key, held);
    let mut line = first;
    loop {
        if line.is_empty() && lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(verifier.finish());
        }
        if let Err(fault) = verifier.line(&line) {
            return Ok(Err(fault));
        }
        line.clear();
    }
}

fn told(
    path: &Path,
    outcome: &Result<Verified, Fault>,
    pinned: bool,
    json: bool,
) -> anyhow::Result<()> {
    match outcome {
        Ok(found) if json => {
            let mut answer = serde_json::to_value(found)?;
            if let Some(members) = answer.as_object_mut() {
                members.insert("ok".to_owned(), true.into());
                members.insert("key_given".to_owned(), pinned.into());
            }
            println!("{answer}");
            Ok(())
        }
        Ok(found) => {
            println!(
                "{}: {} leaves, {} checkpoints, {} entries and {} padding leaves opened; no fault",
                path.display(),
                found.size,
                found.checkpoints,
                found.entries,
                found.padding
            );
            if !pinned {
                println!("the key was taken from the file: compare {}", found.key);
            }
            Ok(())
        }
        Err(fault) => {
            if json {
                let answer = json!({"ok": false, "line": fault.line, "what": fault.what});
                println!("{answer}");
            }
            bail!("{}: {fault}", path.display())
        }
    }
}

fn verify_proof(path: &Path, text: &str, key: Option<&str>, json: bool) -> anyhow::Result<()> {
    let Some(key) = key else {
        bail!("an entry's proof holds no key: give the log's with --key");
    };
    match Key::parse(key).and_then(|key| proof::check(text, &key)) {
        Ok(proven) if json => {
            let answer = json!({
                "ok": true, "index": proven.index, "size": proven.size, "record": proven.record,
            });
            println!("{answer}");
            Ok(())
        }
        Ok(proven) => {
            println!(
                "{}: leaf {} of {} is {}; no fault",
                path.display(),
                proven.index,
                proven.size,
                proven.record
            );
            Ok(())
        }
        Err(fault) => {
            if json {
                println!("{}", json!({"ok": false, "what": fault.0}));
            }
            bail!("{}: {fault}", path.display())
        }
    }
}
