//! The plan of a council file against what the hub holds: what changes, and who gains or loses sight
//! of which items. Reads in one snapshot; writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{NaiveTime, TimeZone, Utc};
use serde::Serialize;

use super::Exchange;
use super::refusal::Refusal;
use super::secret::sha256;
use crate::council::Directory;
use crate::council::plan::{Alike, Impact, ItemRef, Plan, Stands, Stored, diff, impact};
use crate::handling::{BodyId, Form, Rule};

/// Rows per page: some megabytes of rules at a time.
const PAGE: i64 = 10_000;

/// How many later days a plan looks at, nearest first; a file with more says so.
pub const MOMENTS_MAX: usize = 12;

/// What putting a file in force would do.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Number of the council file now in force.
    pub in_force: i64,
    /// What differs between the files.
    pub plan: Plan,
    /// Who gains or loses sight of what: at once, and on each later day on which it is another answer.
    pub impacts: Vec<Impact>,
}

impl Exchange {
    /// Plans a council file against the one in force and all that is stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plan(&self, new: &Directory) -> Result<Planned, Refusal> {
        let old = self.refresh().await?;
        let now = self.clock().now();
        let stored = self.stored().await?;
        let mut plan = diff(&old, new, now);
        let mut impacts = vec![impact(&old, new, &stored, now, now)];
        if plan.moments.len() > MOMENTS_MAX {
            plan.warnings.push(format!(
                "the file names {} days to come; who sees what is shown for the first {MOMENTS_MAX}",
                plan.moments.len()
            ));
        }
        for day in plan.moments.iter().take(MOMENTS_MAX) {
            let at = Utc.from_utc_datetime(&day.and_time(NaiveTime::MIN));
            let later = impact(&old, new, &stored, now, at);
            let last = impacts.last().map(|last| &last.bodies);
            if last != Some(&later.bodies) {
                impacts.push(later);
            }
        }
        Ok(Planned {
            in_force: old.version(),
            plan,
            impacts,
        })
    }

    /// All that sight depends on, from one snapshot.
    async fn stored(&self) -> Result<Stored, Refusal> {
        let now = self.clock().now_micros();
        let mut tx = self.db().read().await?;
        let mut stored = Stored::default();
        for (number, definition) in tx.audiences_after(0).await? {
            stored
                .audiences
                .insert(number, serde_json::from_str(&definition)?);
        }
        // A rule is read once for each distinct text, however many items share it.
        let mut rules: HashMap<Vec<u8>, (Rule, String)> = HashMap::new();
        let mut alike: HashMap<Key, Alike> = HashMap::new();
        let mut after = i64::MIN;
        loop {
            let versions = tx.planned_versions(after, PAGE).await?;
            let Some(last) = versions.last().map(|last| last.key) else {
                break;
            };
            let mut entries: BTreeMap<i64, BTreeSet<(Stands, Form, i64)>> = BTreeMap::new();
            for (key, side, form, audience) in tx.planned_entries(after, last, now).await? {
                let side = match side.as_str() {
                    "desk" => Stands::Desk,
                    "inside" => Stands::Inside,
                    _ => Stands::Outside,
                };
                let form = if form.starts_with(Form::Identified.word()) {
                    Form::Identified
                } else {
                    Form::Anonymised
                };
                entries
                    .entry(key)
                    .or_default()
                    .insert((side, form, audience));
            }
            for version in versions {
                let Some(entries) = entries.remove(&version.key) else {
                    continue; // nobody sees it: refused, withdrawn, or not out yet
                };
                let digest = sha256(version.rule.as_bytes());
                let (rule, text) = match rules.get(&digest[..]) {
                    Some(known) => known.clone(),
                    None => {
                        let rule = what_sight_needs(serde_json::from_str(&version.rule)?);
                        let text = serde_json::to_string(&rule)?;
                        rules.insert(digest.to_vec(), (rule.clone(), text.clone()));
                        (rule, text)
                    }
                };
                let key = (
                    version.level.clone(),
                    version.ceptoar.clone(),
                    text,
                    entries,
                );
                let group = alike
                    .entry(key)
                    .or_insert_with_key(|(level, ceptoar, _, entries)| Alike {
                        level: level.clone(),
                        ceptoar: BodyId::from(ceptoar.as_str()),
                        rule,
                        entries: entries.clone(),
                        items: Vec::new(),
                    });
                group.items.push(ItemRef {
                    item: version.item,
                    version: version.version,
                });
            }
            after = last;
        }
        stored.alike = alike.into_values().collect();
        Ok(stored)
    }
}

type Key = (String, String, String, BTreeSet<(Stands, Form, i64)>);

/// A rule without what differs from item to item and decides nothing here: instants stay with the
/// entry, and consents were given or are waited for.
fn what_sight_needs(rule: Rule) -> Rule {
    let mut rule = rule.normalised();
    rule.access.not_before = None;
    rule.access.not_after = None;
    rule.approvals.clear();
    rule.reply_hours.clear();
    rule
}
