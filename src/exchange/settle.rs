//! From holds to release: when something stops holding an item version, whatever is free now and has
//! not left yet leaves. Consents, time and the ways out of a conflict all end here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::hold::Hold;
use super::publish::stored_rule;
use super::refusal::Refusal;
use super::release::{Clash, Numbers, Release, STANDIN, carried_markings};
use super::supports::supports;
use super::{Exchange, Tx, record};
use crate::council::{Directory, Origin};
use crate::handling::{
    ApprovalMode, Approver, Audience, BodyId, Consent, Form, PrincipalId, Rule, Side, Vote,
    consent, cut,
};
use crate::store::ItemVersion;

/// Which entries to make: name of the side, and who reads what form of it.
pub(super) type Pieces = (&'static str, Vec<(Form, Audience)>);

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
            Consent::Pending(pending) => holds.retain(|hold| {
                let waits = hold.approver.as_ref();
                waits.is_none_or(|who| pending.contains(who))
            }),
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
        let rule = stored_rule(version)?;
        let own = BodyId::from(version.value.ceptoar.as_str());
        let done = tx.sides_of(version.key).await?;
        let mut sides: Vec<Pieces> = Vec::new();
        let inside_free = !holds.iter().any(|hold| hold.inside_too);
        for (name, side, free) in [
            ("inside", Side::Inside(&own), inside_free),
            ("outside", Side::Outside(&own), holds.is_empty()),
        ] {
            if free && !done.iter().any(|side| side == name) {
                sides.push((name, cut(&rule.access, side)));
            }
        }
        self.enter(tx, directory, version, &rule, &sides, false, now)
            .await?;
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

    /// Enters a stored version in the release log for further readers. With `again` they may hold
    /// readers who have it already, and those do not get it a second time.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a fact of the release; a struct would be built at every call"
    )]
    pub(super) async fn enter(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        rule: &Rule,
        sides: &[Pieces],
        again: bool,
        now: i64,
    ) -> Result<(), Refusal> {
        if sides.iter().all(|(_, pieces)| pieces.is_empty()) {
            return Ok(());
        }
        let origin = stored_origin(version, rule);
        let keyed = tx.objects_of(version.key).await?;
        let newest = tx.latest_version(&version.value.item).await?;
        let live = newest.is_none_or(|newest| newest.key == version.key);
        let objects: Vec<_> = keyed.iter().map(|(_, object)| object.clone()).collect();
        let carried = carried_markings(&version.value, objects.iter())?;
        let mut numbers = Numbers::take(tx, now, &objects, &carried).await?;
        let stamp = numbers.next();
        let clash = if keyed.iter().any(|(_, object)| object.form == STANDIN) {
            Clash::Other
        } else if again {
            Clash::Same
        } else {
            self.clash_of(tx, &version.value.item, &keyed).await?
        };
        let mut release = Release {
            key: version.key,
            item: &version.value,
            rule,
            live,
            clash,
            again,
            carried,
            keyed,
            numbers,
        };
        let goes_with =
            |form: Form| supports(self.secret(), directory, &origin, rule, form).objects;
        for (name, pieces) in sides {
            release.side(tx, name, pieces, &goes_with).await?;
            for older in tx.versions_of(&version.value.item).await? {
                if older < version.key {
                    tx.supersede(older, name).await?;
                }
            }
        }
        tx.post_outbox(stamp, version.key, "released").await?;
        Ok(())
    }
}
