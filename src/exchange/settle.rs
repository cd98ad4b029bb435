//! From holds to release: when something stops holding an item version, whatever is free now and has
//! not left yet leaves. Consents, time and the ways out of a conflict all end here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::anonymity::ANONYMITY;
use super::hold::Hold;
use super::portions::{self, Had, Rules, is_made_at_release};
use super::readers::Readers;
use super::refusal::Refusal;
use super::release::{Clash, Release, STANDIN};
use super::stamps::Numbers;
use super::supports::supports;
use super::withdraw::is_gone;
use super::{Exchange, Tx, record};
use crate::council::{Directory, Origin};
use crate::handling::{
    ApprovalMode, Approver, Audience, BodyId, Consent, Form, PrincipalId, Rule, Vote, consent,
};
use crate::store::ItemVersion;

/// The item an item version is a version of, as its source names it.
pub(super) fn item_name(version: &ItemVersion) -> String {
    let item = &version.value.item;
    item.split(' ').next_back().unwrap_or_default().to_owned()
}

/// Where a stored version came from. Its sectors are those its rule was resolved with.
pub(super) fn stored_origin(version: &ItemVersion, rule: &Rule) -> Origin {
    let needs = rule.access.need_to_know.as_ref();
    Origin {
        ceptoar: BodyId::from(version.value.ceptoar.as_str()),
        submitter: BodyId::from(version.value.submitter_body.as_str()),
        operator: version.value.operator.as_deref().map(BodyId::from),
        sectors: needs.map(|needs| needs.sectors.clone()).unwrap_or_default(),
    }
}

impl Exchange {
    /// What the votes and silences on a version come to under what is required.
    pub(super) async fn consents(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
    ) -> Result<Consent, Refusal> {
        let mut required = BTreeMap::new();
        let mut silent = BTreeSet::new();
        for asked in tx.asked(version.key).await? {
            let mode: ApprovalMode = serde_json::from_value(Value::String(asked.mode))?;
            let who = Approver::from(asked.approver);
            if matches!(asked.outcome.as_deref(), Some("agreed" | "released")) {
                silent.insert(who.clone());
            }
            required.insert(who, mode);
        }
        let votes: Vec<Vote> = tx
            .votes(version.key)
            .await?
            .into_iter()
            .map(|(who, by, yes, ..)| Vote {
                approver: Approver::from(who),
                by: PrincipalId::from(by),
                yes,
            })
            .collect();
        let submitter = PrincipalId::from(version.value.submitter.as_str());
        Ok(consent(&required, &votes, &silent, &submitter))
    }

    /// Weighs the consents again, and lets leave what is free; the state and holds that result.
    pub(super) async fn settle_consents(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        now: i64,
    ) -> Result<(String, Vec<Hold>), Refusal> {
        let mut holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        match self.consents(tx, version).await? {
            Consent::Refused => {
                let state = self
                    .refuse(tx, version, &holds, "consent was refused", now)
                    .await?;
                return Ok((state, holds));
            }
            Consent::Pending(pending) => {
                let consent = holds.iter().find(|hold| hold.code == Hold::APPROVAL);
                let decided_by = consent.map(|hold| hold.decided_by.clone());
                holds.retain(|hold| hold.code != Hold::APPROVAL);
                let own = version.value.parties();
                for asked in tx.asked(version.key).await? {
                    let who = Approver::from(asked.approver);
                    if let (Some(by), true) = (&decided_by, pending.contains(&who)) {
                        holds.push(Hold::consent(&who, &asked.mode, by.clone(), &own));
                    }
                }
            }
            Consent::Given => holds.retain(|hold| !hold.confirmable),
        }
        let state = self.settle(tx, directory, version, &holds, now).await?;
        Ok((state, holds))
    }

    /// Refuses a held version: it stays at its desk and goes nowhere further.
    pub(super) async fn refuse(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        holds: &[Hold],
        why: &str,
        now: i64,
    ) -> Result<String, Refusal> {
        tx.set_state(version.key, "refused", &serde_json::to_string(holds)?)
            .await?;
        tx.cancel_due(version.key).await?;
        record(
            tx,
            now,
            &version.value.parties(),
            &json!({
                "decision": "refused", "item": version.value.item,
                "version": version.value.version, "why": why,
            }),
        )
        .await?;
        Ok("refused".to_owned())
    }

    /// Stores what still holds a version, and releases the sides that nothing holds any more.
    pub(super) async fn settle(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        holds: &[Hold],
        now: i64,
    ) -> Result<String, Refusal> {
        let state = if holds.is_empty() { "released" } else { "held" };
        tx.set_state(version.key, state, &serde_json::to_string(holds)?)
            .await?;
        let done = tx.sides_of(version.key).await?;
        let mut sides = Vec::new();
        let inside_free = !holds.iter().any(|hold| hold.inside_too);
        for (side, free) in [("inside", inside_free), ("outside", holds.is_empty())] {
            if free && !done.iter().any(|known| known == side) {
                sides.push(side);
            }
        }
        self.enter(tx, directory, version, &[], &sides, now).await?;
        if !holds.iter().any(|hold| hold.code == ANONYMITY) {
            self.confirmed(tx, directory, version.key, now).await?;
        }
        if state == "released" {
            record(
                tx,
                now,
                &version.value.parties(),
                &json!({
                    "decision": state, "item": version.value.item,
                    "version": version.value.version, "level": version.value.level,
                }),
            )
            .await?;
        }
        Ok(state.to_owned())
    }

    /// Renditions that were made anew and waited to be confirmed go to whom they are for.
    async fn confirmed(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        key: i64,
        now: i64,
    ) -> Result<(), Refusal> {
        let mut had = Had::default();
        portions::note_version(tx, &mut had, key).await?;
        if tx.confirm_renditions(key).await? {
            self.decide_anew(tx, directory, key, &mut had, now).await?;
            self.arrived(tx, directory, had, now).await?;
        }
        Ok(())
    }

    /// The versions of an item before one of them and those after it, with the sides these are out on.
    pub(super) async fn neighbours(
        &self,
        tx: &mut Tx,
        item: &str,
        key: i64,
    ) -> Result<(Vec<i64>, BTreeSet<String>), Refusal> {
        let mut older = tx.versions_by_age(item).await?;
        let at = older.iter().position(|other| *other == key);
        let newer = older.split_off(at.map_or(older.len(), |at| at + 1));
        older.retain(|other| *other != key);
        let mut sides = BTreeSet::new();
        for other in newer {
            // Also where nobody has what it names: the older one has given way all the same.
            let version = tx.item_version(other).await?;
            let gone = version.is_none_or(|version| is_gone(&version));
            // The desk is told what became of it, and keeps it, until it is deleted there too.
            let kept = tx.is_at_desk(other).await?;
            let out = tx.sides_of(other).await?.into_iter();
            sides.extend(out.filter(|side| !gone || kept && side == "desk"));
        }
        Ok((older, sides))
    }

    /// Enters a stored version in the release log for the readers of further sides, and for further
    /// seats at its desk: those may have it already, and do not get it a second time.
    pub(super) async fn enter(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        seats: &[Audience],
        sides: &[&'static str],
        now: i64,
    ) -> Result<(), Refusal> {
        let rules = Rules::of(tx, version).await?;
        let own = BodyId::from(version.value.ceptoar.as_str());
        let mut readers = Readers::of(tx, version.key).await?;
        for side in sides {
            readers.open(tx, side, &own, &rules).await?;
        }
        let free: Vec<_> = readers.sides();
        let free = free.into_iter().filter(|side| sides.contains(side));
        let free: Vec<&'static str> = free.collect();
        if free.is_empty() && seats.is_empty() {
            return Ok(());
        }
        let mut had = Had::default();
        portions::note_version(tx, &mut had, version.key).await?;
        readers.keep(tx, version.key).await?;
        let origin = stored_origin(version, rules.strictest());
        let (made, mut keyed): (Vec<_>, Vec<_>) = tx
            .objects_of(version.key)
            .await?
            .into_iter()
            .partition(|(_, object)| is_made_at_release(&object.form));
        let item = &version.value.item;
        let (older, newer) = self.neighbours(tx, item, version.key).await?;
        let objects: Vec<_> = keyed.iter().map(|(_, object)| object.clone()).collect();
        let (kind, parts) = (&version.value.kind, rules.parts.len());
        let numbers = Numbers::take(tx, now, kind, &objects, parts, None).await?;
        if !free.is_empty() {
            let rule = rules.strictest();
            let late = self.late_stand_in(tx, directory, version, rule, &keyed);
            keyed.extend(late.await?);
        }
        let clash = if keyed.iter().any(|(_, object)| object.form == STANDIN) {
            Clash::Other
        } else {
            self.clash_of(tx, &version.value.item, &keyed).await?
        };
        let mut release = Release {
            secret: self.secret(),
            directory,
            now,
            key: version.key,
            item: &version.value,
            rules: &rules,
            live: !newer.contains("desk"),
            clash,
            again: !seats.is_empty(),
            readers: &readers,
            keyed,
            made,
            entries: Vec::new(),
            decided: Vec::new(),
            numbers,
        };
        let goes_with = |form: Form, rule: &Rule| {
            supports(self.secret(), directory, &origin, rule, form).objects
        };
        release.desk(tx, seats, &goes_with).await?;
        for side in &free {
            release.live = !newer.contains(*side);
            release.side(tx, side, &goes_with).await?;
        }
        release.write(tx).await?;
        let desk = (!seats.is_empty()).then_some("desk");
        for older in older {
            for side in free.iter().copied().chain(desk) {
                tx.supersede(older, side).await?;
            }
        }
        self.arrived(tx, directory, had, now).await?;
        Ok(())
    }
}
