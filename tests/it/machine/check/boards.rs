//! Boards against the model: nobody has one more, own operators stand there by name, and of others'
//! no count is told from which a small one follows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::model::{Arrived, Board};
use super::super::world::Answer;

/// What a count on a board may be: what the model knows of it, if it does.
type Chain = [(&'static str, Option<u64>); 5];

/// The boards of a page against those that the rule gives their reader.
pub fn boards(expected: &[Board], answers: &[(String, Answer)]) -> Result<(), String> {
    for (token, answer) in answers {
        let board = expected.iter().find(|board| board.token == *token);
        let Some(board) = board.filter(|_| answer.status == 200) else {
            if answer.status == 200 || board.is_some() {
                return Err(format!(
                    "{} {token} is answered with {} {}",
                    answer.request, answer.status, answer.body
                ));
            }
            continue;
        };
        one(board, &answer.json())
            .map_err(|error| format!("the board of {token}: {error}: {}", answer.body))?;
    }
    Ok(())
}

fn one(board: &Board, shown: &Value) -> Result<(), String> {
    if shown["closed_at"].is_null() == board.closed {
        return Err(format!("closed should be {}", board.closed));
    }
    if !board.issuer {
        return by_name(&board.bodies, &shown["operators"]);
    }
    if shown["operators"]
        .as_array()
        .is_some_and(|list| !list.is_empty())
    {
        return Err("its issuer has operators of its own".to_owned());
    }
    let hops = shown["ceptoars"].as_array().into_iter().flatten();
    let mut some_hidden = false;
    for hop in hops {
        let ceptoar = hop["ceptoar"]["body"].as_str().unwrap();
        let named: BTreeMap<String, Arrived> = board
            .bodies
            .iter()
            .filter(|(body, _)| board.named.contains(*body) && board.of[*body] == ceptoar)
            .map(|(body, arrived)| (body.clone(), arrived.clone()))
            .collect();
        by_name(&named, &hop["named"])?;
        let counted: Vec<&Arrived> = board
            .bodies
            .iter()
            .filter(|(body, _)| !board.named.contains(*body) && *body != ceptoar)
            .filter(|(body, _)| board.of[*body] == ceptoar)
            .map(|(_, arrived)| arrived)
            .collect();
        some_hidden |= counts(&counted, board.k[ceptoar], hop)?;
    }
    let all: Vec<&Arrived> = board
        .bodies
        .iter()
        .filter(|(body, _)| !board.k.contains_key(*body))
        .map(|(_, arrived)| arrived)
        .collect();
    true_or_null(&chain(&all), &shown["total"])?;
    let total = shown["total"]["acknowledged"].as_u64();
    if let (Some(total), true) = (total, some_hidden) {
        let k = board.k.values().copied().max().unwrap_or_default();
        if total < k {
            return Err(format!("a total of {total} below {k}"));
        }
    }
    Ok(())
}

fn chain(of: &[&Arrived]) -> Chain {
    let count = |holds: fn(&Arrived) -> bool| of.iter().filter(|one| holds(one)).count() as u64;
    [
        ("concerned", Some(of.len() as u64)),
        ("delivered", None), // who fetched what is no matter of the rule
        ("opened", None),
        ("acknowledged", Some(count(|one| one.acknowledged))),
        ("answered", Some(count(|one| one.answer.is_some()))),
    ]
}

/// What is told of those who are named.
fn by_name(expected: &BTreeMap<String, Arrived>, shown: &Value) -> Result<(), String> {
    let shown: BTreeMap<String, Arrived> = shown
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let arrived = Arrived {
                acknowledged: !one["acknowledged_at"].is_null(),
                answer: one["answer"].as_str().map(str::to_owned),
            };
            (one["body"].as_str().unwrap().to_owned(), arrived)
        })
        .collect();
    if shown == *expected {
        return Ok(());
    }
    Err(format!("it names {shown:?}, and should name {expected:?}"))
}

fn true_or_null(chain: &Chain, shown: &Value) -> Result<(), String> {
    for (name, known) in chain {
        if let (Some(told), Some(known)) = (shown[name].as_u64(), known)
            && told != *known
        {
            return Err(format!("{told} {name}, and there are {known}"));
        }
    }
    Ok(())
}

/// The counts of one CEPTOAR's operators that are not named; whether some are left out.
fn counts(of: &[&Arrived], k: u64, shown: &Value) -> Result<bool, String> {
    if of.is_empty() {
        return Ok(false); // nobody is left to count
    }
    let chain = chain(of);
    true_or_null(&chain, shown)?;
    let told: Vec<(&str, u64)> = chain
        .iter()
        .filter_map(|(name, _)| Some((*name, shown[name].as_u64()?)))
        .collect();
    if let Some((name, count)) = told.iter().find(|(_, count)| *count < k) {
        return Err(format!("{count} {name} are told, and that is below {k}"));
    }
    for pair in told.windows(2) {
        let rest = pair[0].1.saturating_sub(pair[1].1);
        if rest > 0 && rest < k {
            return Err(format!(
                "from {pair:?} {rest} follow, and that is below {k}"
            ));
        }
    }
    let answers = shown["answers"].as_object().into_iter().flatten();
    let few = answers
        .filter_map(|(name, count)| Some((name, count.as_u64()?)))
        .find(|(_, count)| *count < k);
    if let Some((name, count)) = few {
        return Err(format!("{count} said {name}, and that is below {k}"));
    }
    // What need not be left out is told.
    if told.is_empty() && of.len() as u64 >= k {
        return Err(format!(
            "{} are concerned, and it does not say so",
            of.len()
        ));
    }
    let left_out: BTreeSet<&str> = chain.iter().map(|(name, _)| *name).collect();
    Ok(told.len() < left_out.len())
}
