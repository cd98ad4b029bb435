//! What an item is made of: it carries the join of its parts' rules (law 7), and its sources are
//! looked for in its anonymised form like its own.

use std::collections::BTreeSet;

use super::access::Caller;
use super::publish::{Submission, stored_rule};
use super::read::present;
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::{Exchange, Tx};
use crate::council::{Origin, Whole};
use crate::handling::{Attribution, BodyId, Channel, Form, Grant, Join, Rule};
use crate::store::{Due, ItemVersion};

/// At most so many parts: a digest of a month, and no way to make the hub join without end.
const PARTS_MAX: usize = 50;

/// So many parts of parts are looked at: digests of digests of digests, and no endless walk.
const ALL_PARTS_MAX: usize = 10_000;

/// The join of the rules of what goes together, each different one once: most reports of a level have
/// the same rule, and a join with itself is itself. `None` of nothing.
pub(super) fn join_of<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Option<Rule> {
    let mut different: Vec<&Rule> = Vec::new();
    for rule in rules {
        if !different.contains(&rule) {
            different.push(rule);
        }
    }
    let joined = |join: Option<Rule>, rule: &Rule| {
        Some(join.map_or_else(|| rule.clone(), |join| join.join(rule)))
    };
    different.into_iter().fold(None, joined)
}

/// What a report is made of, as the caller reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Their numbers.
    pub keys: Vec<i64>,
    /// Their rules as they are stored.
    pub stored: Vec<Rule>,
    /// Their rules as they bind what is made of them, with whose they are.
    pub wholes: Vec<Whole>,
    /// Where they come from.
    pub origins: Vec<Origin>,
    /// Whose points of contact a re-telling needs.
    pub retells: BTreeSet<BodyId>,
}

impl Parts {
    /// Adds a part, with no more than the form its reader has it in: what is made of a rendition
    /// shows nobody more than the rendition did.
    pub(super) fn add(&mut self, version: &ItemVersion, read_as: Form) -> Result<(), Refusal> {
        if self.keys.contains(&version.key) {
            return Ok(());
        }
        let stored = stored_rule(version)?;
        let ceptoar = BodyId::from(version.value.ceptoar.as_str());
        let name = match stored.attribution {
            Attribution::NameOk | Attribution::SectorOnly => ceptoar.to_string(),
            Attribution::Pseudonym | Attribution::Withheld => {
                format!("part {}", self.keys.len() + 1)
            }
        };
        let mut rule = stored.clone();
        let grants: Vec<_> = rule.access.audience.iter().collect();
        // Whether a body is listed with nothing or not at all says how the rule came about, as by a
        // narrowing that took nothing: its readers are not told of that.
        rule.access.audience = grants
            .into_iter()
            .filter(|(_, grant)| !grant.is_none())
            .map(|(body, grant)| {
                (
                    body.clone(),
                    Grant::new(grant.depth(), grant.form().max(read_as)),
                )
            })
            .collect();
        self.origins.push(stored_origin(version, &stored));
        self.keys.push(version.key);
        self.stored.push(stored);
        self.wholes.push(Whole {
            ceptoar,
            name,
            rule,
        });
        Ok(())
    }
}

/// Every version that a version was made of, the parts of its parts included.
pub(super) async fn all_parts(tx: &mut Tx, key: i64) -> Result<Vec<ItemVersion>, Refusal> {
    let mut found: Vec<ItemVersion> = Vec::new();
    let mut open = tx.parts(key).await?;
    while let Some(key) = open.pop() {
        if found.len() >= ALL_PARTS_MAX || found.iter().any(|part| part.key == key) {
            continue;
        }
        if let Some(version) = tx.item_version(key).await? {
            open.extend(tx.parts(key).await?);
            found.push(version);
        }
    }
    Ok(found)
}

impl Exchange {
    /// Loads the parts a caller names, each a report that the caller reads, and those that the
    /// version it replaces was made of.
    ///
    /// # Errors
    /// When one is no report of this reader, or is gone by now.
    pub(super) async fn parts(
        &self,
        caller: &Caller,
        named: &[String],
        replaces: Option<&str>,
        generalises: Option<&str>,
    ) -> Result<Parts, Refusal> {
        let mut parts = Parts::default();
        if named.len() > PARTS_MAX {
            let message = format!("an item is made of at most {PARTS_MAX} parts");
            return Err(Refusal::fault(
                "derived_from",
                "report.derived_from",
                message,
            ));
        }
        let view = self.view(Some(caller), Channel::Rest).await?;
        let mut tx = self.db().read().await?;
        for id in named {
            let entry = present(&mut tx, &view, id).await?;
            let key = entry.as_ref().and_then(|entry| entry.item_version);
            let identified = entry.is_some_and(|entry| entry.form == Form::Identified.word());
            let version = match key {
                Some(key) => tx.item_version(key).await?,
                None => None,
            };
            let version = version.ok_or_else(|| {
                let message = format!("`{id}` is no report that you read");
                Refusal::fault("derived_from", "report.derived_from", message)
            })?;
            let read_as = if identified {
                Form::Identified
            } else {
                Form::Anonymised
            };
            parts.add(&version, read_as)?;
        }
        if let Some(replaced) = replaces {
            let own = caller.directory.ceptoar_of(&caller.body);
            for key in self.parts_of(&mut tx, replaced).await? {
                if let Some(version) = tx.item_version(key).await? {
                    let inside = version.value.ceptoar == own.as_str();
                    let read_as = if inside {
                        Form::Identified
                    } else {
                        Form::Anonymised
                    };
                    parts.add(&version, read_as)?;
                }
            }
        }
        // The sources of a part's own parts are looked for too.
        for key in parts.keys.clone() {
            for part in all_parts(&mut tx, key).await? {
                parts
                    .origins
                    .push(stored_origin(&part, &stored_rule(&part)?));
            }
        }
        if let Some(original) = generalises {
            // What several sources hold is re-told only with each one's consent; its own rule is
            // the level it is re-told under.
            let latest = tx.latest_version(original).await?;
            let key = latest.map(|version| version.key).unwrap_or_default();
            for part in all_parts(&mut tx, key).await? {
                parts
                    .retells
                    .insert(BodyId::from(part.value.ceptoar.as_str()));
                parts
                    .origins
                    .push(stored_origin(&part, &stored_rule(&part)?));
            }
        }
        Ok(parts)
    }

    /// The same for what a submission names.
    pub(super) async fn parts_of_submission(
        &self,
        caller: &Caller,
        submission: &Submission,
    ) -> Result<Parts, Refusal> {
        let named = &submission.derived_from;
        let (replaces, generalises) = (&submission.replaces, &submission.generalises);
        if named.is_empty() && replaces.is_none() && generalises.is_none() {
            return Ok(Parts::default());
        }
        self.parts(caller, named, replaces.as_deref(), generalises.as_deref())
            .await
    }

    async fn parts_of(&self, tx: &mut Tx, item: &str) -> Result<Vec<i64>, Refusal> {
        Ok(match tx.latest_version(item).await? {
            Some(version) => tx.parts(version.key).await?,
            None => Vec::new(),
        })
    }

    /// Notes what a version was made of, unless a part was taken back while it was made.
    pub(super) async fn tie_parts(
        &self,
        tx: &mut Tx,
        key: i64,
        parts: &Parts,
    ) -> Result<(), Refusal> {
        for (part, stored) in parts.keys.iter().zip(&parts.stored) {
            let version = tx.item_version(*part).await?.ok_or(Refusal::NotFound)?;
            let gone = super::withdraw::is_gone(&version);
            if gone || stored_rule(&version)? != *stored {
                return Err(Refusal::Conflict(
                    "a part has changed in the meantime; look at it again".to_owned(),
                ));
            }
            tx.add_part(key, *part).await?;
            // No longer than its part: the whole is erased when the part is.
            for due in tx.due_of(*part, "erase").await? {
                tx.add_due(&Due {
                    item_version: key,
                    ..due
                })
                .await?;
            }
        }
        Ok(())
    }
}
