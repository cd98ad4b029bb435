//! Explanations: for each dimension of a joined rule, whose clause decided it (law 9).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dimension::Join;
use super::rule::Rule;

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
    let whole = dimensions(joined);
    let pieces: Vec<(&str, Vec<(String, Value)>)> = parts
        .iter()
        .map(|part| (part.label.as_str(), dimensions(&part.rule)))
        .collect();
    whole
        .into_iter()
        .map(|(dimension, value)| {
            let own = |values: &[(String, Value)]| {
                values
                    .iter()
                    .find(|(name, _)| *name == dimension)
                    .map(|(_, value)| value.clone())
            };
            let mut decided_by: Vec<String> = pieces
                .iter()
                .filter(|(_, values)| own(values).as_ref() == Some(&value))
                .map(|(label, _)| (*label).to_owned())
                .collect();
            if decided_by.is_empty() {
                decided_by = pieces
                    .iter()
                    .filter(|(_, values)| own(values).is_some_and(|value| !says_nothing(&value)))
                    .map(|(label, _)| (*label).to_owned())
                    .collect();
            }
            Clause {
                dimension,
                value,
                decided_by,
            }
        })
        .collect()
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The written rule, flattened to one pair per dimension and, for the audience, per body.
fn dimensions(rule: &Rule) -> Vec<(String, Value)> {
    let Ok(Value::Object(members)) = serde_json::to_value(rule) else {
        return Vec::new();
    };
    let mut flat = Vec::new();
    for (name, value) in members {
        match value {
            Value::Object(bodies) if name == "audience" => {
                for (body, grant) in bodies {
                    flat.push((format!("audience.{body}"), grant));
                }
            }
            _ if name == "relative" => {} // decides nothing by itself
            other => flat.push((name, other)),
        }
    }
    flat
}
