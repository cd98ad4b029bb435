//! A stricter law applies at once: when a council file takes another's place, or a day comes on
//! which a version of it takes effect, every item whose level or charter now asks more is narrowed
//! in the same transaction. A looser one changes nothing that is out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::publish::stored_rule;
use super::refusal::Refusal;
use super::settle::{item_name, stored_origin};
use super::{Exchange, Tx, record};
use crate::council::Directory;
use crate::council::plan::{asks, tightened};
use crate::handling::{Join, Rule};

impl Exchange {
    /// Narrows what `after` asks more of than `before` did, each at its own time.
    pub(super) async fn tighten_all(
        &self,
        tx: &mut Tx,
        before: (&Directory, DateTime<Utc>),
        after: (&Directory, DateTime<Utc>),
        now: i64,
    ) -> Result<(), Refusal> {
        let (directory, at) = after;
        let day = at.date_naive();
        let policies_before = before.0.policies(before.1.date_naive());
        // Policies say nothing of each other's strictness: new text is asked about every item.
        let ask_policies = directory
            .policies(day)
            .is_some_and(|policies| policies_before.is_none_or(|before| before != policies));
        // What each level of each source asks now, where that is more.
        let mut more: BTreeMap<(String, String), Option<Rule>> = BTreeMap::new();
        for key in tx.versions_out().await? {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            let rule = stored_rule(&version)?;
            let origin = stored_origin(&version, &rule);
            let level = version.value.level.clone();
            let further = more
                .entry((level.clone(), version.value.ceptoar.clone()))
                .or_insert_with(|| {
                    tightened(&level, &origin, before, after)
                        .then(|| asks(&level, &origin, directory, at))
                });
            let mut further = further.clone().unwrap_or_else(Rule::unrestricted);
            if ask_policies {
                let subject = self.facts_of(tx, key).await?;
                let taken = directory.charter_takes(subject.as_ref(), &rule, day);
                further = taken.iter().fold(further, |sum, part| sum.join(&part.rule));
            }
            if rule.join(&further) == rule {
                continue;
            }
            self.tighten(tx, directory, &version, &further, true, now)
                .await?;
            record(
                tx,
                now,
                &version.value.parties(),
                &json!({
                    "decision": "narrowed", "item": item_name(&version),
                    "version": version.value.version, "level": level,
                    "council_version": directory.version(),
                }),
            )
            .await?;
        }
        Ok(())
    }
}
