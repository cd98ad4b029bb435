//! What an item is made of: it carries the join of its parts' rules (law 7), and its sources are
//! looked for in its anonymised form like its own.

use std::collections::BTreeSet;

use super::access::Caller;
use super::publish::{Submission, stored_rule};
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::{Exchange, Tx};
use crate::council::{Origin, Whole};
use crate::handling::{Attribution, BodyId, Channel};
use crate::store::ItemVersion;
use crate::store::feed::Query;

/// At most so many parts: a digest of a month, and no way to make the hub join without end.
const PARTS_MAX: usize = 50;

/// What a report is made of, as the caller reads it.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Their numbers.
    pub keys: Vec<i64>,
    /// Their rules, with whose they are.
    pub wholes: Vec<Whole>,
    /// Where they come from.
    pub origins: Vec<Origin>,
    /// Whose points of contact a re-telling needs.
    pub retells: BTreeSet<BodyId>,
}

impl Parts {
    pub(super) fn add(&mut self, version: &ItemVersion) -> Result<(), Refusal> {
        if self.keys.contains(&version.key) {
            return Ok(());
        }
        let rule = stored_rule(version)?;
        let ceptoar = BodyId::from(version.value.ceptoar.as_str());
        let name = match rule.attribution {
            Attribution::NameOk | Attribution::SectorOnly => ceptoar.to_string(),
            Attribution::Pseudonym | Attribution::Withheld => {
                format!("part {}", self.keys.len() + 1)
            }
        };
        self.origins.push(stored_origin(version, &rule));
        self.keys.push(version.key);
        self.wholes.push(Whole {
            ceptoar,
            name,
            rule,
        });
        Ok(())
    }
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
            let query = Query {
                descending: true,
                limit: 1,
                reports: true,
                ids: vec![format!("report--{id}")],
                ..Query::default()
            };
            let (entries, _) = tx.page(&view.scope, &query).await?;
            let key = entries.first().and_then(|entry| entry.item_version);
            let version = match key {
                Some(key) => tx.item_version(key).await?,
                None => None,
            };
            let version = version.ok_or_else(|| {
                let message = format!("`{id}` is no report that you read");
                Refusal::fault("derived_from", "report.derived_from", message)
            })?;
            parts.add(&version)?;
        }
        if let Some(replaced) = replaces {
            for key in self.parts_of(&mut tx, replaced).await? {
                if let Some(version) = tx.item_version(key).await? {
                    parts.add(&version)?;
                }
            }
        }
        if let Some(original) = generalises {
            // What several sources hold is re-told only with each one's consent; its own rule is
            // the level it is re-told under.
            for key in self.parts_of(&mut tx, original).await? {
                if let Some(version) = tx.item_version(key).await? {
                    let own = BodyId::from(version.value.ceptoar.as_str());
                    parts.retells.insert(own);
                    parts
                        .origins
                        .push(stored_origin(&version, &stored_rule(&version)?));
                }
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
        for (part, whole) in parts.keys.iter().zip(&parts.wholes) {
            let version = tx.item_version(*part).await?.ok_or(Refusal::NotFound)?;
            let gone = super::withdraw::is_gone(&version);
            if gone || stored_rule(&version)? != whole.rule {
                return Err(Refusal::Conflict(
                    "a part has changed in the meantime; look at it again".to_owned(),
                ));
            }
            tx.add_part(key, *part).await?;
        }
        Ok(())
    }
}
