//! Explanations: for each dimension of a joined rule, whose clause decided it (law 9).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::dimension::Join;
use super::grants::{Grant, Grants};
use super::names::BodyId;
use super::rule::{Relative, Rule};

/// One rule that was joined, with the words that name its clause: body, scheme, version, level.
#[derive(Clone, Debug)]
pub struct Part {
    /// For instance `demo-finance: S1 v1 連携セプター可`.
    pub label: String,
    /// Its value.
    pub rule: Rule,
}

/// One dimension of the result and the parts that made it what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// The dimension's name; `audience.<body>` for one body.
    pub dimension: String,
    /// Its value in the joined rule.
    pub value: Value,
    /// Labels of the parts that decided it: those whose own value is already the result, or where
    /// no single part's is, all that contributed.
    pub decided_by: Vec<String>,
}

/// The join of all parts; with no part at all, `None`: there is no rule to release under.
#[must_use]
pub fn join_all(parts: &[Part]) -> Option<Rule> {
    let (first, rest) = parts.split_first()?;
    Some(
        rest.iter()
            .fold(first.rule.clone(), |sum, part| sum.join(&part.rule)),
    )
}

/// Says for every dimension which part decided.
#[must_use]
pub fn explain(parts: &[Part], joined: &Rule) -> Vec<Clause> {
    let pieces: Vec<(&str, Map<String, Value>)> = parts
        .iter()
        .map(|part| (part.label.as_str(), dimensions(&part.rule)))
        .collect();
    let mut clauses = Vec::new();
    for (dimension, value) in dimensions(joined) {
        if dimension == "audience" {
            clauses.extend(audience(parts, joined));
            continue;
        }
        let own = pieces
            .iter()
            .map(|(label, values)| (*label, values.get(&dimension)));
        let mut decided_by = labels(own.clone(), |own| *own == value);
        if decided_by.is_empty() {
            decided_by = labels(own, |own| !says_nothing(own));
        }
        let value = without_people(&dimension, value);
        clauses.push(Clause {
            dimension,
            value,
            decided_by,
        });
    }
    clauses
}

/// The value of a dimension as an explanation tells it: of named persons that there are some, and not
/// who. A group of bodies names people whom its user does not know (law 4), and whoever named them
/// one by one has said it.
#[must_use]
pub fn without_people(dimension: &str, mut value: Value) -> Value {
    match dimension {
        "named" if !value.is_null() => Value::Bool(true),
        "need_to_know" => {
            if let Some(members) = value.as_object_mut() {
                members.shift_remove("persons");
            }
            value
        }
        _ => value,
    }
}

/// The labels of the parts that say something, where `decides` holds of what they say.
fn labels<'a, T: Copy>(
    own: impl Iterator<Item = (&'a str, Option<T>)>,
    decides: impl Fn(T) -> bool,
) -> Vec<String> {
    own.filter(|(_, value)| value.is_some_and(&decides))
        .map(|(label, _)| label.to_owned())
        .collect()
}

/// The same for the audience, one clause for each body. An audience can have every body of the
/// council, so no body is looked for among the others.
fn audience(parts: &[Part], joined: &Rule) -> Vec<Clause> {
    let clause = |(body, grant): (&BodyId, Grant)| {
        let own = parts.iter().map(|part| {
            let audience = &part.rule.access.audience;
            // Who is not listed has nothing by it, and that decides too.
            let nothing = || Some(audience.get(body)).filter(|grant| grant.is_none());
            (part.label.as_str(), audience.listed(body).or_else(nothing))
        });
        let mut decided_by = labels(own.clone(), |own| own == grant);
        if decided_by.is_empty() {
            decided_by = labels(own, |_| true);
        }
        Clause {
            dimension: format!("audience.{body}"),
            value: serde_json::json!(grant),
            decided_by,
        }
    };
    joined.access.audience.iter().map(clause).collect()
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The written rule but for its audience, which keeps its place in the order.
fn dimensions(rule: &Rule) -> Map<String, Value> {
    let mut rule = rule.clone();
    rule.access.audience = Grants::default();
    rule.access.relative = Relative::Anything; // decides nothing by itself, and is then not written
    match serde_json::to_value(&rule) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
