//! The rules of many reports at once.

use std::collections::{BTreeSet, HashMap};

use super::super::portions::Rules;
use super::super::refusal::Refusal;
use crate::exchange::Tx;
use crate::handling::Rule;

/// The rules that bind readers of many versions.
#[derive(Debug, Default)]
pub(super) struct RulesOf {
    /// By their texts.
    different: HashMap<String, Rule>,
    /// The texts of versions without parts.
    wholes: HashMap<i64, String>,
    parted: HashMap<i64, Rules>,
}

impl RulesOf {
    /// Those of some versions, as narrowed since they were accepted.
    pub async fn versions(tx: &mut Tx, keys: &BTreeSet<i64>) -> Result<Self, Refusal> {
        let mut rules = Self {
            parted: parted(tx, keys).await?,
            ..Self::default()
        };
        for (key, text) in tx.rules_of_wholes(keys).await? {
            if !rules.different.contains_key(&text) {
                rules.different.insert(text.clone(), rule(&text)?);
            }
            rules.wholes.insert(key, text);
        }
        Ok(rules)
    }

    /// The rule that binds a reader of a version in a form.
    pub fn shown(&self, version: i64, form: &str) -> Option<&Rule> {
        match self.parted.get(&version) {
            Some(rules) => Some(rules.shown(form)),
            None => self.different.get(self.wholes.get(&version)?),
        }
    }
}

/// The rules of those versions that have no parts, each different one once.
pub(super) async fn different_wholes(
    tx: &mut Tx,
    keys: &BTreeSet<i64>,
) -> Result<Vec<Rule>, Refusal> {
    let texts = tx.different_rules_of_wholes(keys).await?;
    texts.iter().map(|text| rule(text)).collect()
}

/// The rules of those versions that have parts.
pub(super) async fn parted(
    tx: &mut Tx,
    keys: &BTreeSet<i64>,
) -> Result<HashMap<i64, Rules>, Refusal> {
    let mut rules: HashMap<i64, Rules> = HashMap::new();
    for (key, _, text) in tx.rules_of_parts(keys).await? {
        let rule = rule(&text)?;
        match rules.get_mut(&key) {
            Some(known) => known.parts.push(rule),
            None => {
                let whole = Rules {
                    whole: rule,
                    parts: Vec::new(),
                };
                rules.insert(key, whole);
            }
        }
    }
    Ok(rules)
}

fn rule(text: &str) -> Result<Rule, Refusal> {
    Ok(serde_json::from_str::<Rule>(text)?.normalised())
}
