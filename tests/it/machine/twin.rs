//! Which acts are hidden from a reader: those without which the model says that the reader has
//! exactly the same, at every instant. The twin run leaves them out.

use std::collections::BTreeSet;

use super::acts::{Act, Item, Narrow, Step};
use super::draw::Episode;
use super::model::{Model, Outcome, Seen};

/// What a reader has, what waits for them, how the act ended, and what was taken back that they may
/// have had: they are told; what they may look at.
type Instant = (
    Vec<Seen>,
    Vec<(String, String)>,
    Outcome,
    Vec<(usize, usize)>,
    Vec<String>,
);
type Trace = Vec<Instant>;

/// What the reader has after each act, whether the act was carried out or left out.
fn trace(episode: &Episode, steps: &[Step], without: &BTreeSet<usize>, start: i64) -> Trace {
    let mut model = Model::new(episode.council.clone(), start);
    let mut ever = BTreeSet::new();
    steps
        .iter()
        .map(|step| {
            model.pass(step.at);
            let outcome = if without.contains(&step.number) {
                Outcome::Nothing
            } else {
                model.apply(step)
            };
            let mut seen = model.view(&episode.reader, step.at);
            seen.iter_mut().for_each(|seen| seen.at = 0); // where the model keeps it
            ever.extend(seen.iter().map(|seen| (seen.step, seen.token.clone())));
            let had = |at: usize| {
                let version = &model.versions[at];
                ever.contains(&(version.step, version.token.clone()))
            };
            let told = model.taken.iter().filter(|taken| had(taken.at));
            let told = told
                .map(|taken| (taken.step, model.versions[taken.at].step))
                .collect();
            let looks = model.may_look(&episode.reader);
            (seen, model.waiting(&episode.reader), outcome, told, looks)
        })
        .collect()
}

fn items(step: &Step, model: &Model) -> Vec<Item> {
    match &step.act {
        Act::Report(report) => vec![Item::Report(report.replaces.unwrap_or(step.number))],
        Act::Post { by, objects } => {
            let body = &model.council.person(by).unwrap().body;
            objects
                .iter()
                .map(|object| Item::Object(body.clone(), object.id()))
                .collect()
        }
        Act::Vote { on, .. }
        | Act::Withdraw { on, .. }
        | Act::Narrow(Narrow { on, .. })
        | Act::Acknowledge { on, .. }
        | Act::Delete { on, .. }
        | Act::PassOn { on, .. }
        | Act::Say { on, .. }
        | Act::Accept { on, .. } => vec![on.clone()],
        _ => Vec::new(),
    }
}

/// The steps that are hidden from the episode's reader.
pub fn hidden(episode: &Episode, steps: &[Step], start: i64) -> BTreeSet<usize> {
    let people = Model::new(episode.council.clone(), start);
    let whole = trace(episode, steps, &BTreeSet::new(), start);
    let mut gone = BTreeSet::new();
    // GAP: what a change of the council opens is stamped in one instant, after what it opens to
    // others; so where it opens something to this reader, nothing is left out.
    let opens = |pair: &[(&Step, &Instant)]| {
        let tokens = |at: usize| {
            pair[at]
                .1
                .0
                .iter()
                .map(|seen| (seen.step, &seen.token, seen.identified))
                .collect::<BTreeSet<_>>()
        };
        matches!(pair[1].0.act, Act::Council(..)) && !tokens(1).is_subset(&tokens(0))
    };
    let with: Vec<_> = steps.iter().zip(&whole).collect();
    if with.windows(2).any(opens) {
        return gone;
    }
    // Whoever sits at an item's desk may open what is decided on it, also where nothing follows.
    let at_desk: BTreeSet<usize> = whole
        .iter()
        .flat_map(|instant| &instant.0)
        .filter(|seen| seen.desk)
        .map(|seen| seen.step)
        .collect();
    let desk: BTreeSet<Item> = steps
        .iter()
        .filter(|step| at_desk.contains(&step.number))
        .flat_map(|step| items(step, &people))
        .collect();
    let mut kept: BTreeSet<Item> = BTreeSet::new();
    for step in steps.iter().rev() {
        let of = items(step, &people);
        if of.iter().any(|item| desk.contains(item)) {
            kept.extend(of);
            continue;
        }
        let own = step.act.by() == Some(episode.reader.as_str());
        // An act stays while one that builds on it stays.
        let needed = of.iter().any(|item| kept.contains(item));
        // GAP: what one source takes back may take the name of another's source with it.
        let takes_back = matches!(step.act, Act::Withdraw { .. } | Act::Delete { .. });
        if !of.is_empty() && !own && !needed && !takes_back {
            gone.insert(step.number);
            let less = trace(episode, steps, &gone, start);
            // Others' acts may end otherwise; the reader's own do not.
            let same = steps
                .iter()
                .zip(whole.iter().zip(&less))
                .all(|(step, (one, two))| {
                    let own = step.act.by() == Some(episode.reader.as_str());
                    (!own || one.2 == two.2)
                        && (&one.0, &one.1, &one.3, &one.4) == (&two.0, &two.1, &two.3, &two.4)
                });
            if same {
                continue;
            }
            gone.remove(&step.number);
        }
        kept.extend(of);
    }
    gone
}
