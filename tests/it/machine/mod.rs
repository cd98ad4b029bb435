//! The non-interference machine: random councils and acts, each hub beside a small model and beside
//! a twin hub that lacks what is hidden from one reader. `docs/non-interference.md` says how it
//! works, how a seed is run again, and how a new act or surface joins it.

mod acts;
mod check;
mod council;
mod draw;
mod found;
mod model;
mod poller;
mod run;
mod seed;
mod shrink;
mod surfaces;
mod twin;
mod world;

use crate::harness::{TestHub, both};
use seed::Seed;

/// Acts in one episode: enough for items to be voted on, revised and outlived.
const ACTS: usize = 40;
/// Steps of a run where `SEKISHO_MACHINE_STEPS` says nothing.
const STEPS: usize = 2000;
/// Where `SEKISHO_MACHINE_SEED` says nothing.
const SEED: u64 = 20_261_122;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

async fn machine(hub: TestHub) {
    let start = run::start();
    let (first, told) = (
        number("SEKISHO_MACHINE_SEED"),
        number("SEKISHO_MACHINE_STEPS"),
    );
    let goes_on = number("SEKISHO_MACHINE_GOES_ON").is_some_and(|one| one > 0);
    let steps = told.map_or(STEPS, |steps| steps as usize);
    let mut seeds = Seed::new(first.unwrap_or(SEED));
    let mut total = run::Tally::default();
    let mut differing = 0;
    let mut seed = first.unwrap_or_else(|| seeds.next());
    while total.steps < steps {
        let episode = draw::episode(seed, ACTS.min(steps), start);
        match run::run(&hub, &episode, &episode.steps).await {
            Ok(tally) => {
                total.steps += tally.steps;
                total.left_out += tally.left_out;
                total.answers += tally.answers;
            }
            Err(error) if goes_on => {
                println!("seed {seed}, reader {}: {error}", episode.reader);
                total.steps += episode.steps.len();
                differing += 1;
            }
            Err(error) => {
                let least = shrink::shrink(&hub, &episode, error).await;
                panic!("{}\nafter {total:?}", shrink::told(&episode, &least));
            }
        }
        if first.is_some() && told.is_none() {
            break; // one seed is one episode
        }
        seed = seeds.next();
    }
    println!(
        "{} steps, {} hidden, {} answers",
        total.steps, total.left_out, total.answers
    );
    assert_eq!(differing, 0, "episodes with a difference");
}

both! {
    /// Laws 3 to 6, over every surface, for acts in any order.
    what_is_hidden_changes_nothing_and_what_is_not_is_as_the_rule_says => |hub| {
        machine(hub).await;
    }
}
