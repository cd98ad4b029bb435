//! Deciding anew which rendition each reader gets of an item that is out: when its rule was
//! narrowed, and when something it refers to came, went, or has other readers now.

use std::collections::{BTreeMap, BTreeSet};

use super::portions::{Had, Rules, is_made_at_release};
use super::readers::{Readers, SIDES};
use super::refusal::Refusal;
use super::release::{Clash, Release, STANDIN};
use super::settle::stored_origin;
use super::stamps::{Numbers, SPREAD, Spread};
use super::supports::supports;
use super::{Exchange, Tx};
use crate::council::Directory;
use crate::handling::{Form, Rule};
use crate::store::NewRelease;

impl Exchange {
    /// Decides anew for everything that refers to ids of which others are the readers now than those
    /// in `had`. Who publishes, releases, narrows, withdraws or recalls an item calls this in the
    /// same transaction, once and as its last write, with what [`super::portions::note_audiences`]
    /// said before the act: the stamps it takes are the same number whatever there is to decide.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn arrived(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        had: Had,
        now: i64,
    ) -> Result<(), Refusal> {
        let mut spread = Spread::take(tx, now, SPREAD).await?;
        let mut open: Vec<String> = Vec::new();
        let ids: Vec<&String> = had.before.keys().collect();
        for id in tx.referred_to(&ids).await? {
            if Some(&tx.audiences_of(&id).await?) != had.before.get(&id) {
                open.push(id);
            }
        }
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            for key in tx.containers_of(&id).await? {
                // However many they are: one left out would go on naming what was taken back.
                if !seen.insert(key) {
                    continue;
                }
                let room = spread.room(tx, now).await?;
                let changed;
                (changed, spread) = self.decide_spread(tx, directory, key, now, room).await?;
                if changed {
                    let objects = tx.objects_of(key).await?;
                    open.extend(objects.into_iter().map(|(_, object)| object.stix_id));
                }
            }
        }
        Ok(())
    }

    /// Decides anew who gets which rendition of one item version, by its
    /// rules and by to whom it is released, as both are stored.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn decide_anew(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        key: i64,
        had: &mut Had,
        now: i64,
    ) -> Result<bool, Refusal> {
        // One for all that an act decides anew: how much that is tells no reader of one of them.
        let spread = match had.spread.take() {
            Some(spread) => spread.room(tx, now).await?,
            None => Spread::take(tx, now, SPREAD).await?,
        };
        let (changed, spread) = self.decide_spread(tx, directory, key, now, spread).await?;
        had.spread = Some(spread);
        Ok(changed)
    }

    /// Enters the older entries of a version on a side again for whoever had them, as the latest there
    /// are: a reader who is past them would never get them under the stamps they have (law 5).
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn enter_again(
        &self,
        tx: &mut Tx,
        key: i64,
        side: &'static str,
        had: &mut Had,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(version) = tx.item_version(key).await? else {
            return Ok(());
        };
        let rules = Rules::of(tx, &version).await?;
        let keyed = tx.objects_of(key).await?;
        let mut older: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
        for (stamp, object, of, audience, live) in tx.rows_of(key).await? {
            if let (Some(audience), Some(false), true) = (audience, live, of == side) {
                older.entry((stamp, object)).or_default().push(audience);
            }
        }
        let spread = match had.spread.take() {
            Some(spread) => spread.room(tx, now).await?,
            None => Spread::take(tx, now, SPREAD).await?,
        };
        let (kind, parts) = (version.value.kind.as_str(), rules.parts.len());
        let mut numbers = Numbers::again(kind, &[], parts, spread)?;
        // The desk keeps what it sent, as when it was entered first.
        let not_after = rules.whole.access.not_after.filter(|_| side != "desk");
        for ((stamp, object), audiences) in older {
            let Some((_, stored)) = keyed.iter().find(|(known, _)| *known == object) else {
                continue;
            };
            for audience in &audiences {
                tx.take_away(stamp, *audience).await?;
            }
            let standin = stored.form == STANDIN;
            tx.add_release(&NewRelease {
                stamp: numbers.again_at((&version.value.item, side), &stored.stix_id),
                object,
                item_version: Some(key),
                side,
                kind: kind.to_owned(),
                twin: if standin { STANDIN } else { "shared" },
                not_after: not_after.map(|until| until.timestamp_micros()),
                live: true,
                report: stored.report.is_some(),
                audiences,
            })
            .await?;
        }
        had.spread = numbers.into_spread();
        Ok(())
    }

    async fn decide_spread(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        key: i64,
        now: i64,
        spread: Spread,
    ) -> Result<(bool, Spread), Refusal> {
        let Some(version) = tx.item_version(key).await? else {
            return Ok((false, spread));
        };
        // One that its source took back, or that has expired, stays as that act left it.
        let state = version.value.state.as_str();
        if !["released", "held", "refused", "superseded"].contains(&state) {
            return Ok((false, spread));
        }
        let rules = Rules::of(tx, &version).await?;
        let readers = Readers::of(tx, key).await?;
        let (made, keyed): (Vec<_>, Vec<_>) = tx
            .objects_of(key)
            .await?
            .into_iter()
            .partition(|(_, object)| is_made_at_release(&object.form));
        let objects: Vec<_> = keyed.iter().map(|(_, object)| object.clone()).collect();
        let (kind, parts) = (version.value.kind.as_str(), rules.parts.len());
        let numbers = Numbers::again(kind, &objects, parts, spread.clone())?;
        let origin = stored_origin(&version, rules.strictest());
        let clash = self.clash_of(tx, &version.value.item, &keyed).await?;
        let (_, newer) = self.neighbours(tx, &version.value.item, key).await?;
        let mut release = Release {
            secret: self.secret(),
            directory,
            now,
            key,
            item: &version.value,
            rules: &rules,
            live: true,
            clash: if clash == Clash::Free {
                clash
            } else {
                Clash::Same
            },
            again: false,
            readers: &readers,
            keyed,
            made,
            entries: tx.rows_of(key).await?,
            decided: Vec::new(),
            numbers,
        };
        let goes_with = |form: Form, rule: &Rule| {
            supports(self.secret(), directory, &origin, rule, form).objects
        };
        release.live = !newer.contains("desk");
        let mut changed = release.desk_again(tx, &goes_with).await?;
        // Also where nobody is left of those it was released to.
        for side in SIDES {
            release.live = !newer.contains(side);
            changed |= release.side(tx, side, &goes_with).await?;
        }
        release.write(tx).await?;
        Ok((changed, release.numbers.into_spread().unwrap_or(spread)))
    }
}
