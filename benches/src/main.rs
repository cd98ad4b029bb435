//! `cargo run --release --manifest-path benches/Cargo.toml`: measures the hub's decisions beside Cedar's
//! and Rego's, audiences, a change of membership, TAXII beside other servers, fan-out, and search, in one run. `docs/performance.md` explains it.
//!
//! Arguments: `--json FILE` writes the figures; `decisions`, `audiences`, `membership`, `taxii`, `fan-out`,
//! `search` choose parts; `--items N` says how many objects the hub holds when pages are measured
//! (100 000) or reports are searched (1 000 000);
//! `--small` makes everything small enough for a try; `--own` leaves the peers out.

mod audiences;
mod cedar;
mod council;
mod decisions;
mod fan_out;
mod measure;
mod membership;
mod mix;
mod rego;
mod search;
mod servers;
mod table;
mod taxii;

use anyhow::Context;
use serde_json::json;

// As the hub's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, port] = arguments.as_slice()
        && word == "bare-broadcast"
    {
        let runtime = tokio::runtime::Runtime::new()?;
        return runtime.block_on(fan_out::serve_bare(port.parse()?));
    }
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let json_to = arguments
        .iter()
        .position(|argument| argument == "--json")
        .map(|at| arguments.get(at + 1).context("--json needs a file"))
        .transpose()?;
    let some = [
        "decisions",
        "audiences",
        "membership",
        "taxii",
        "fan-out",
        "search",
    ]
    .map(has);
    let wanted = if some.contains(&true) {
        some
    } else {
        [true; 6]
    };
    let small = has("--small");
    let sizes: &[usize] = if small { &[100] } else { &[100, 1_000, 10_000] };
    let gate: &[usize] = if small { &[100] } else { &[100, 1_000] };
    let (operators, items) = if small {
        (500, 10_000)
    } else {
        (10_000, 1_000_000)
    };

    let before = measure::load();
    let mut sections = Vec::new();
    if wanted[0] {
        sections.push(decisions::decisions(sizes, !has("--own"))?);
    }
    if wanted[1] {
        sections.push(audiences::audiences(sizes, gate)?);
    }
    if wanted[2] {
        sections.push(membership::membership(operators, items)?);
    }
    if wanted[3] {
        let items = items_of(&arguments)?.unwrap_or(if small { 1_000 } else { 100_000 });
        sections.push(taxii::taxii(items, !has("--own"))?);
    }
    if wanted[4] {
        let (streams, subscriptions) = if small { (50, 100) } else { (1_000, 10_000) };
        sections.push(fan_out::fan_out(streams, subscriptions)?);
    }
    if wanted[5] {
        let reports = items_of(&arguments)?.unwrap_or(if small { 10_000 } else { 1_000_000 });
        sections.push(search::search(reports)?);
    }
    let after = measure::load();
    println!("Machine: {}.", measure::machine());
    println!("Load of the last 1, 5 and 15 minutes: {before} before, {after} after.");
    for section in &sections {
        print!("{}", section.markdown());
    }
    if let Some(path) = json_to {
        let all: Vec<_> = sections.iter().map(table::Section::json).collect();
        let report = json!({
            "machine": measure::machine(), "load": [before, after], "sections": all,
        });
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

fn items_of(arguments: &[String]) -> anyhow::Result<Option<usize>> {
    let at = arguments.iter().position(|argument| argument == "--items");
    at.map(|at| {
        let number = arguments.get(at + 1).context("--items needs a number")?;
        number.parse().context("--items needs a number")
    })
    .transpose()
}
