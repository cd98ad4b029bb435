//! Readers who come to see what was released before (law 5): a body that joins, a role or a sector
//! that is gained, storage that is declared. A poller of theirs may be past all of it already, so
//! what is older than their coming is entered again, for them alone, with stamps of its own.
//!
//! Losing needs nothing: an audience is decided anew at every request.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, Utc};
use serde::{Deserialize, Serialize};

use super::gate::intern;
use super::portions::Rules;
use super::refusal::Refusal;
use super::secret::sha256;
use super::{Exchange, Tx};
use crate::council::Directory;
use crate::council::rejoin::{self, OnDay};
use crate::handling::{Audience, BodyId, Channel, PrincipalId};
use crate::store::{Due, NewRelease};

/// So many entries are copied in one transaction: a tenth of a second, so that writers go on.
const BATCH: i64 = 500;

/// The event that copies, and the one that compares readers day by day, since relations of the
/// directory hold from one day to another.
pub(super) const CATCH_UP: &str = "catch_up";
pub(super) const MIDNIGHT: &str = "midnight";

#[derive(Debug, Serialize, Deserialize)]
struct CatchUp {
    from: i64,
    to: i64,
    after: i64,
    until: i64,
}

impl Exchange {
    /// Compares what every reader is in under two directories at two times, and has what they gain
    /// entered for them.
    pub(super) async fn welcome(
        &self,
        tx: &mut Tx,
        before: (&Directory, DateTime<Utc>),
        after: (&Directory, DateTime<Utc>),
        now: i64,
    ) -> Result<(), Refusal> {
        let formers = self.interned(tx).await?;
        let presents = self.follow(tx, &formers, before, after).await?;
        let asked = concerned(&formers, &presents);
        let mut gained: BTreeMap<usize, BTreeSet<PrincipalId>> = BTreeMap::new();
        for principal in after.0.principals() {
            // Who was not there holds no mark.
            let Some(former) = before.0.principal(&principal.id) else {
                continue;
            };
            let former = before.0.reader(former, before.1);
            let present = after.0.reader(principal, after.1);
            let (Some(former), Some(present)) = (former, present) else {
                continue;
            };
            // Compared once: nearly all readers and audiences are as they were.
            let same = former == present;
            if same && asked.is_empty() {
                continue;
            }
            // A part follows its members: both are decided in the order of their numbers.
            let (mut was_in, mut is_in) = (BTreeSet::new(), BTreeSet::new());
            for (at, (id, was)) in formers.iter().enumerate() {
                if same && !asked.contains(id) {
                    continue; // the same reader of the same audience
                }
                let is = presents.get(&at).unwrap_or(was);
                let before = was.admits_among(&former, Channel::Taxii, before.1, &was_in);
                let after = is.admits_among(&present, Channel::Taxii, after.1, &is_in);
                was_in.extend(before.then_some(*id));
                is_in.extend(after.then_some(*id));
                if after && !before {
                    gained.entry(at).or_default().insert(principal.id.clone());
                }
            }
        }
        let (Some(until), _) = tx.newest().await? else {
            return Ok(());
        };
        for (at, persons) in gained {
            let Some((from, was)) = formers.get(at) else {
                continue;
            };
            let audience = presents.get(&at).unwrap_or(was);
            if matches!(audience, Audience::Late { .. } | Audience::Persons { .. }) {
                continue; // what was copied for latecomers, or told to them, is theirs by name
            }
            let late = Audience::Late {
                persons: persons.clone(),
                of: Box::new(audience.clone()),
            };
            let to = intern(tx, &late).await?;
            for person in &persons {
                tx.add_latecomer(person.as_str(), *from, until).await?;
            }
            let work = CatchUp {
                from: *from,
                to,
                after: i64::MIN,
                until,
            };
            self.go_on(tx, &work, now).await?;
        }
        Ok(())
    }

    /// Gives bodies whose place in the council changed what their new column gives, in every
    /// audience there is: by place in the list, the audiences that changed.
    async fn follow(
        &self,
        tx: &mut Tx,
        audiences: &[(i64, Audience)],
        before: (&Directory, DateTime<Utc>),
        after: (&Directory, DateTime<Utc>),
    ) -> Result<BTreeMap<usize, Audience>, Refusal> {
        let before = (before.0, before.1.date_naive());
        let after = (after.0, after.1.date_naive());
        let moved = rejoin::moved(before, after);
        let mut changed = BTreeMap::new();
        if moved.is_empty() {
            return Ok(changed);
        }
        for (at, (id, audience)) in audiences.iter().enumerate() {
            let Some(present) = audience.followed(&|access, form, need_to_know_only| {
                let changes = rejoin::regranted(access, &moved, before, after);
                rejoin::rejoined(access, form, need_to_know_only, &changes)
            }) else {
                continue;
            };
            let definition = serde_json::to_string(&present)?;
            // Its number keeps it apart from one of the same members that may be there already.
            let digest = sha256(format!("{id} {definition}").as_bytes());
            tx.change_audience(*id, &digest, &definition).await?;
            changed.insert(at, present);
        }
        if !changed.is_empty() {
            tx.take("audience_change", 0, 1).await?;
        }
        self.follow_rules(tx, &moved, before, after).await?;
        Ok(changed)
    }

    /// The same for the rules of items, released or held: what is made of one, and whoever is asked
    /// to narrow it, goes by them, and nobody may tell by that whether it has left yet.
    async fn follow_rules(
        &self,
        tx: &mut Tx,
        moved: &BTreeSet<&BodyId>,
        before: OnDay<'_>,
        after: OnDay<'_>,
    ) -> Result<(), Refusal> {
        for (level, ceptoar) in tx.levels_out().await? {
            let own = BodyId::from(ceptoar.as_str());
            if !rejoin::stand_elsewhere(&own, moved, before, after) {
                continue; // on nearly every day everybody stands where they stood
            }
            for key in tx.versions_out(&level, &ceptoar).await? {
                let Some(version) = tx.item_version(key).await? else {
                    continue;
                };
                let mut rules = Rules::of(tx, &version).await?;
                let mut changed = false;
                for rule in std::iter::once(&mut rules.whole).chain(&mut rules.parts) {
                    for (body, grant) in rejoin::regranted(&rule.access, moved, before, after) {
                        rule.access.audience.set(body, grant);
                        changed = true;
                    }
                }
                if changed {
                    rules.put(tx, key).await?;
                }
            }
        }
        Ok(())
    }

    async fn interned(&self, tx: &mut Tx) -> Result<Vec<(i64, Audience)>, Refusal> {
        let mut known = Vec::new();
        for (id, definition) in tx.audiences_after(0).await? {
            known.push((id, serde_json::from_str(&definition)?));
        }
        Ok(known)
    }

    async fn go_on(&self, tx: &mut Tx, work: &CatchUp, now: i64) -> Result<(), Refusal> {
        Ok(tx
            .add_due(&Due {
                at: now,
                item_version: work.to,
                event: CATCH_UP.to_owned(),
                subject: serde_json::to_string(work)?,
            })
            .await?)
    }

    /// Copies the next entries for those who came late.
    pub(super) async fn catch_up(&self, tx: &mut Tx, due: &Due) -> Result<(), Refusal> {
        let work: CatchUp = serde_json::from_str(&due.subject)?;
        let older = tx
            .older_entries(work.from, work.after, work.until, BATCH)
            .await?;
        let count = i64::try_from(older.len()).unwrap_or(BATCH);
        let now = self.clock().now_micros();
        let Some(last) = older.last().map(|entry| entry.stamp) else {
            return Ok(());
        };
        let first = tx.take("stamp", now, count).await?;
        for (stamp, entry) in (first..).zip(older) {
            let side = match entry.side.as_str() {
                "inside" => "inside",
                "outside" => "outside",
                "desk" => "desk",
                "notice" => "notice",
                _ => "support",
            };
            tx.add_release(&NewRelease {
                stamp,
                object: entry.object,
                item_version: entry.item_version,
                side,
                kind: entry.kind,
                // Behind an earlier one of the same content that the reader has.
                twin: "shared",
                not_after: entry.not_after,
                live: entry.live,
                report: entry.report,
                audiences: vec![work.to],
            })
            .await?;
        }
        if count == BATCH {
            let next = CatchUp {
                after: last,
                ..work
            };
            self.go_on(tx, &next, now).await?;
        }
        Ok(())
    }

    /// A day begins (UTC): relations that hold from today on make readers too.
    pub(super) async fn midnight(&self, tx: &mut Tx, due: &Due) -> Result<(), Refusal> {
        let directory = self.directory();
        let today = DateTime::from_timestamp_micros(due.at).unwrap_or_default();
        let yesterday = today - Days::new(1);
        let now = self.clock().now_micros();
        let (before, after) = ((&*directory, yesterday), (&*directory, today));
        self.tighten_all(tx, before, after, now).await?;
        self.welcome(tx, before, after, now).await?;
        self.next_midnight(tx, due.at).await
    }

    /// Puts the next beginning of a day on the list.
    pub(super) async fn next_midnight(&self, tx: &mut Tx, now: i64) -> Result<(), Refusal> {
        const DAY: i64 = 86_400_000_000;
        Ok(tx
            .add_due(&Due {
                at: (now.div_euclid(DAY) + 1) * DAY,
                item_version: 0,
                event: MIDNIGHT.to_owned(),
                subject: String::new(),
            })
            .await?)
    }
}

/// Audiences whose members may have changed though the reader did not: those that were changed, the
/// parts of them, and whatever else these parts are made of.
fn concerned(audiences: &[(i64, Audience)], changed: &BTreeMap<usize, Audience>) -> BTreeSet<i64> {
    let mut moved: BTreeSet<i64> = audiences
        .iter()
        .enumerate()
        .filter(|(at, _)| changed.contains_key(at))
        .map(|(_, (id, _))| *id)
        .collect();
    let mut concerned = moved.clone();
    // Members of a part have smaller numbers than it.
    for (id, audience) in audiences {
        let members = audience.members();
        if members.iter().any(|member| moved.contains(member)) {
            moved.insert(*id);
            concerned.insert(*id);
        }
    }
    for (id, audience) in audiences.iter().rev() {
        if concerned.contains(id) {
            concerned.extend(audience.members());
        }
    }
    concerned
}
