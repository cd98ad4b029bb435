//! A failing episode made small: acts are left out, half of them, then less and less, as long as it
//! still fails. Instants stay, so what is left happens as it did.

use std::fmt::Write as _;

use super::acts::{Act, Item, Narrow, Step};
use super::draw::Episode;
use super::run::run;
use crate::harness::TestHub;

/// Runs that shrinking may take, so that a failure is told within minutes.
const RUNS_MAX: usize = 150;

/// What is left, and how it fails.
pub struct Least {
    pub steps: Vec<Step>,
    pub error: String,
}

pub async fn shrink(hub: &TestHub, episode: &Episode, error: String) -> Least {
    let mut least = Least {
        steps: episode.steps.clone(),
        error,
    };
    let wanted = gist(&least.error);
    let mut runs = 0;
    let mut part = least.steps.len().div_ceil(2);
    while part > 0
        && runs < RUNS_MAX
        && std::env::var("SEKISHO_MACHINE_SHRINK").as_deref() != Ok("0")
    {
        let mut from = 0;
        let mut smaller = false;
        while from < least.steps.len() && runs < RUNS_MAX {
            let mut fewer = least.steps.clone();
            fewer.drain(from..(from + part).min(least.steps.len()));
            runs += 1;
            match run(hub, episode, &whole(fewer.clone())).await {
                // Another difference is another story.
                Err(error) if gist(&error) == wanted => {
                    least = Least {
                        steps: whole(fewer),
                        error,
                    };
                    smaller = true;
                }
                _ => from += part,
            }
        }
        part = if smaller && part == 1 { 1 } else { part / 2 };
    }
    least
}

/// What kind of difference it is: its words, without names, numbers and what was answered.
fn gist(error: &str) -> String {
    let from = error.find(": ").map_or(0, |at| at + 2); // after which step
    let line = error[from..].lines().next().unwrap_or_default();
    let words = line.split(' ').filter(|word| {
        word.chars()
            .all(|one| one.is_ascii_lowercase() || one == ',')
    });
    words.take(12).collect::<Vec<_>>().join(" ")
}

/// Without the acts that build on what is not there.
fn whole(mut steps: Vec<Step>) -> Vec<Step> {
    let there: Vec<usize> = steps.iter().map(|step| step.number).collect();
    steps.retain(|step| match &step.act {
        Act::Report(report) => report.replaces.is_none_or(|first| there.contains(&first)),
        Act::Vote { on, .. }
        | Act::Withdraw { on, .. }
        | Act::Narrow(Narrow { on, .. })
        | Act::Acknowledge { on, .. }
        | Act::Delete { on, .. }
        | Act::PassOn { on, .. }
        | Act::Say { on, .. }
        | Act::Accept { on, .. } => match on {
            Item::Report(first) => there.contains(first),
            Item::Object(..) => true,
        },
        _ => true,
    });
    steps
}

/// A failure, in full: what fails, the acts that make it fail (`-`: hidden from the reader, and not
/// done on the twin), and how to run it again.
pub fn told(episode: &Episode, least: &Least) -> String {
    let mut text = format!(
        "\nthe machine found a difference (reader {}): {}\n\nthe acts:\n",
        episode.reader, least.error
    );
    let start = super::run::start();
    let hidden = super::twin::hidden(episode, &least.steps, start);
    for step in &least.steps {
        let mark = if hidden.contains(&step.number) {
            "-"
        } else {
            " "
        };
        let act = match &step.act {
            Act::Council(_, what) => format!("Council {what}"),
            act => format!("{act:?}"),
        };
        writeln!(
            text,
            "{mark} {:>3} at {:>9.1} s: {act}",
            step.number,
            step.at as f64 / 1e6
        )
        .unwrap();
    }
    write!(
        text,
        "\nagain: SEKISHO_MACHINE_SEED={} cargo test --test it -- machine",
        episode.seed
    )
    .unwrap();
    text
}
