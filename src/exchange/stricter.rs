//! A stricter law applies at once: when a council file takes another's place, or a day comes on
//! which a version of it takes effect, every item whose level or charter now asks more is narrowed
//! in the same transaction. A looser one changes nothing that is out.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::portions::{Had, Rules};
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::stamps::WIDE;
use super::{Exchange, Tx, record};
use crate::council::plan::{asks, tightened};
use crate::council::resolve::left_to_later;
use crate::council::{Directory, Origin};
use crate::handling::{BodyId, Join, Rule};
use crate::store::ItemVersion;

impl Exchange {
    /// Narrows what `after` asks more of than `before` did, each at its own time.
    pub(super) async fn tighten_all(
        &self,
        tx: &mut Tx,
        before: (&Directory, DateTime<Utc>),
        after: (&Directory, DateTime<Utc>),
        now: i64,
    ) -> Result<(), Refusal> {
        if same_law(before, after) {
            return Ok(()); // people come and go without touching an item
        }
        let mut had = Had::ready(tx, now, WIDE).await?;
        let (directory, at) = after;
        let day = at.date_naive();
        // Policies say nothing of each other's strictness: new text is asked about every item.
        let policies = directory.policies(day);
        let ask_policies =
            policies.is_some() && policies != before.0.policies(before.1.date_naive());
        for (level, ceptoar) in tx.levels_out().await? {
            let origin = Origin {
                ceptoar: BodyId::from(ceptoar.as_str()),
                submitter: BodyId::from(ceptoar.as_str()),
                operator: None,
                sectors: BTreeSet::new(),
            };
            let more = tightened(&level, &origin, before, after);
            if !more && !ask_policies {
                continue;
            }
            for key in tx.versions_out(&level, &ceptoar).await? {
                let Some(version) = tx.item_version(key).await? else {
                    continue;
                };
                let rules = Rules::of(tx, &version).await?;
                let mut further = Rule::unrestricted();
                if more {
                    // Approvers depend on the item's own operator.
                    let origin = stored_origin(&version, rules.strictest());
                    further = asks(&level, &origin, directory, at);
                }
                if ask_policies {
                    let subject = self.facts_of(tx, key).await?;
                    let taken = directory.charter_takes(subject.as_ref(), &rules.whole, day);
                    if !taken.is_empty() {
                        // Whoever stands elsewhere later is not asked about again.
                        let left = left_to_later(directory, &origin, &rules.whole, &taken, at);
                        further.access.relative = further.access.relative.join(&left);
                    }
                    further = taken.iter().fold(further, |sum, part| sum.join(&part.rule));
                }
                self.narrow_by_law(tx, directory, &version, &further, &mut had, now)
                    .await?;
            }
        }
        self.arrived(tx, directory, had, now).await
    }

    async fn narrow_by_law(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        further: &Rule,
        had: &mut Had,
        now: i64,
    ) -> Result<(), Refusal> {
        let rules = Rules::of(tx, version).await?;
        if rules.join(further) == rules {
            return Ok(());
        }
        self.tighten(tx, directory, version, further, had, now)
            .await?;
        record(
            tx,
            now,
            &version.value.parties(),
            &json!({
                "decision": "narrowed", "item": version.value.item,
                "version": version.value.version, "level": version.value.level,
                "council_version": directory.version(),
            }),
        )
        .await
    }
}

/// Whether schemes, charter and policies in force are the same before and after.
fn same_law(before: (&Directory, DateTime<Utc>), after: (&Directory, DateTime<Utc>)) -> bool {
    let days = (before.1.date_naive(), after.1.date_naive());
    before.0.schemes(days.0) == after.0.schemes(days.1)
        && before.0.charter(days.0) == after.0.charter(days.1)
        && before.0.policies(days.0) == after.0.policies(days.1)
}
