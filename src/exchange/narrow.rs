//! Narrowing what is out already: by a stricter new version, by the source's own wish, by a stricter
//! scheme. Every entry of every version goes on only to whom both the old and the new rule admit.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::access::Caller;
use super::gate::intern;
use super::hold::Hold;
use super::publish::stored_rule;
use super::refusal::Refusal;
use super::settle::{Pieces, stored_origin};
use super::widen::stored_level;
use super::{Exchange, Tx, record};
use crate::council::Directory;
use crate::handling::{
    ApprovalMode, Approver, Audience, BodyId, Consent, Form, Join, PrincipalId, Rule, Side, cut,
};
use crate::store::{Due, ItemVersion};

/// What a source narrows of an item that is out.
#[derive(Clone, Debug, Default)]
pub struct Narrower {
    /// A level of the item's own scheme, joined with the one it has.
    pub level: Option<String>,
    /// Only these persons.
    pub named: Option<BTreeSet<PrincipalId>>,
    /// Not after this instant.
    pub not_after: Option<DateTime<Utc>>,
}

impl Exchange {
    /// Narrows an item of the caller's, all its versions at once. Nothing here can widen: whatever
    /// is asked is joined with the rule there is (law 2).
    ///
    /// # Errors
    /// When the caller's body has no such item, or its scheme no such level.
    pub async fn narrow_item(
        &self,
        caller: &Caller,
        id: &str,
        narrower: Narrower,
    ) -> Result<(), Refusal> {
        let item = self.own_item(caller, id).await?;
        let (exchange, caller) = (self.clone(), caller.clone());
        self.writer()
            .write(move |tx| {
                Box::pin(
                    async move { exchange.narrow_item_in(tx, &caller, &item, &narrower).await },
                )
            })
            .await
    }

    async fn narrow_item_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        item: &str,
        narrower: &Narrower,
    ) -> Result<(), Refusal> {
        let directory = &caller.directory;
        let latest = tx.latest_version(item).await?.ok_or(Refusal::NotFound)?;
        let mut rule = Rule::unrestricted();
        rule.access.named.clone_from(&narrower.named);
        rule.access.not_after = narrower.not_after;
        if let Some(name) = &narrower.level {
            let before = stored_rule(&latest)?;
            let origin = stored_origin(&latest, &before);
            let scheme = stored_level(directory, &latest).map(|(scheme, _)| scheme);
            let level = scheme.and_then(|scheme| scheme.level(name));
            let level = level.ok_or_else(|| {
                let message = format!("`{name}` is no level of the item's scheme");
                Refusal::fault("/level", "handling.level", message)
            })?;
            let mut stricter = directory.level_rule(level, &origin, self.clock().now());
            // Who needs to know is said by the item, not by its level.
            stricter.access.need_to_know = None;
            rule = rule.join(&stricter);
        }
        let now = self.clock().now_micros();
        for key in tx.versions_of(item).await? {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            self.tighten(tx, directory, &version, &rule, now).await?;
        }
        record(
            tx,
            now,
            &latest.value.parties(),
            &json!({
                "decision": "narrowed", "item": latest.value.item, "by": caller.principal.id,
                "level": narrower.level, "not_after": narrower.not_after,
                "named": narrower.named.as_ref().map(BTreeSet::len),
            }),
        )
        .await
    }

    /// Joins a further rule with the stored one and puts it in force for a version at once.
    pub(super) async fn tighten(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        further: &Rule,
        now: i64,
    ) -> Result<(), Refusal> {
        self.tighten_one(tx, directory, version, further, now)
            .await?;
        self.tighten_wholes(tx, directory, version.key, further, now)
            .await
    }

    /// What was made of a version carries its rule (law 7), so it is narrowed with it.
    async fn tighten_wholes(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        part: i64,
        further: &Rule,
        now: i64,
    ) -> Result<(), Refusal> {
        let mut wholes = tx.made_of(part).await?;
        let mut seen = BTreeSet::new();
        while let Some(key) = wholes.pop() {
            if !seen.insert(key) {
                continue;
            }
            if let Some(whole) = tx.item_version(key).await? {
                self.tighten_one(tx, directory, &whole, further, now)
                    .await?;
            }
            wholes.extend(tx.made_of(key).await?);
        }
        Ok(())
    }

    async fn tighten_one(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        further: &Rule,
        now: i64,
    ) -> Result<(), Refusal> {
        let before = stored_rule(version)?;
        let joined = &before.join(further);
        if *joined == before {
            return Ok(());
        }
        tx.set_rule(version.key, &serde_json::to_string(joined)?)
            .await?;
        // What a later downgrade would restore has just been taken away.
        tx.cancel_due_event(version.key, "downgrade").await?;
        if let Some(until) = joined.access.not_after {
            let until = until.timestamp_micros();
            tx.expire(version.key, until).await?;
            tx.add_due(&Due {
                at: until,
                item_version: version.key,
                event: "expiry".to_owned(),
                subject: String::new(),
            })
            .await?;
        }
        // A rendition that names or holds what is now to be stripped goes; a new version makes another.
        let hides_more =
            joined.attribution != before.attribution || joined.anonymise != before.anonymise;
        self.narrow_entries(tx, version, further, hides_more)
            .await?;
        match version.value.state.as_str() {
            "held" => self.ask_more(tx, version, &before, joined, now).await,
            "released" if !hides_more && changes_form(&before, joined) => {
                // Who had it as submitted and may have a rendition now gets that.
                let own = BodyId::from(version.value.ceptoar.as_str());
                let sides: [Pieces; 2] = [
                    ("inside", cut(&joined.access, Side::Inside(&own))),
                    ("outside", cut(&joined.access, Side::Outside(&own))),
                ];
                self.enter(tx, directory, version, joined, &sides, true, now)
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Whose consent the stricter rule asks for in addition.
    async fn ask_more(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        before: &Rule,
        joined: &Rule,
        now: i64,
    ) -> Result<(), Refusal> {
        let mut holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        holds.retain(|hold| hold.code != Hold::APPROVAL);
        let asked = tx.asked(version.key).await?;
        let own = version.value.parties();
        for (who, mode) in &joined.approvals {
            if *mode == ApprovalMode::None {
                continue;
            }
            let known = asked.iter().find(|one| one.approver == who.as_str());
            let hours = joined.reply_hours.get(who);
            let due = hours.map(|hours| now + i64::from(*hours) * super::time::HOUR_MICROS);
            let due = match known.and_then(|one| one.due_at) {
                Some(earlier) => Some(due.map_or(earlier, |due| due.min(earlier))),
                None => due,
            };
            match known {
                // It was not asked, since nothing of it leaves.
                None if before.approvals.contains_key(who) => continue,
                None => {
                    tx.ask(version.key, who.as_str(), mode.word(), due).await?;
                    self.seat(tx, version, joined, &Approver::from(who.as_str()), now)
                        .await?;
                }
                Some(one) => {
                    let before: ApprovalMode =
                        serde_json::from_value(Value::String(one.mode.clone()))?;
                    let mode = before.max(*mode);
                    // Consent by silence was consent to the looser rule.
                    tx.ask_stricter(version.key, who.as_str(), mode.word(), due)
                        .await?;
                }
            }
            if let Some(at) = due {
                tx.add_due(&Due {
                    at,
                    item_version: version.key,
                    event: "reply".to_owned(),
                    subject: who.to_string(),
                })
                .await?;
            }
        }
        let waiting = match self.consents(tx, version).await? {
            Consent::Pending(pending) => pending,
            Consent::Given | Consent::Refused => BTreeSet::new(),
        };
        for asked in tx.asked(version.key).await? {
            let who = Approver::from(asked.approver);
            if waiting.contains(&who) {
                holds.push(Hold::consent(&who, &asked.mode, Vec::new(), &own));
            }
        }
        tx.set_state(version.key, "held", &serde_json::to_string(&holds)?)
            .await?;
        Ok(())
    }

    /// Law 8: a new version's rule applies to the older versions at once, and only where stricter.
    ///
    /// Where the new version strips more, names less or drops more, the older renditions go: their
    /// bytes are what it corrects.
    pub(super) async fn narrow(
        &self,
        tx: &mut Tx,
        previous: &ItemVersion,
        rule: &Rule,
        strips: Option<&BTreeSet<String>>,
    ) -> Result<(), Refusal> {
        for key in tx.versions_of(&previous.value.item).await? {
            let Some(older) = tx.item_version(key).await? else {
                continue;
            };
            if older.value.state == "held" && key == previous.key {
                // What waits for consent waits no more: its successor asks for itself.
                tx.set_state(key, "superseded", "[]").await?;
            }
            let before: Rule = stored_rule(&older)?;
            let joined = before.join(rule);
            let mut hides_more =
                joined.attribution != before.attribution || joined.anonymise != before.anonymise;
            if let Some(strips) = strips {
                hides_more |= !strips.is_subset(&stripped_by(tx, key).await?);
            }
            tx.cancel_due_event(key, "downgrade").await?;
            let now = self.clock().now_micros();
            self.tighten_wholes(tx, &self.directory(), key, rule, now)
                .await?;
            if joined == before && !hides_more {
                continue;
            }
            // Kept, so that a looser third version cannot widen what the second narrowed.
            tx.set_rule(key, &serde_json::to_string(&joined)?).await?;
            self.narrow_entries(tx, &older, rule, hides_more).await?;
        }
        Ok(())
    }

    /// Lets each entry that is out go on to those of its readers whom a further rule admits too, in
    /// the entry's form. An entry that was taken away stays away.
    async fn narrow_entries(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        rule: &Rule,
        drop_renditions: bool,
    ) -> Result<(), Refusal> {
        let mut narrowed: BTreeMap<(i64, String), Option<i64>> = BTreeMap::new();
        for (stamp, side, form, report, live) in tx.releases_of(version.key).await? {
            if side == "desk" {
                continue;
            }
            let former = tx.readers_of(stamp).await?;
            tx.forget(stamp).await?;
            if drop_renditions && form == Form::Anonymised.word() {
                continue;
            }
            let mut audiences = Vec::new();
            for (id, definition) in former {
                let slot = (id, form.clone());
                let known = match narrowed.get(&slot) {
                    Some(known) => *known,
                    None => {
                        let audience: Audience = serde_json::from_str(&definition)?;
                        let less = match audience.narrowed(&rule.access, &form) {
                            Some(less) => {
                                let less = intern(tx, &less).await?;
                                tx.inherit_latecomers(less, id).await?;
                                Some(less)
                            }
                            None => None,
                        };
                        narrowed.insert(slot, less);
                        less
                    }
                };
                audiences.extend(known);
            }
            tx.add_feed(stamp, live, report, &audiences).await?;
        }
        Ok(())
    }
}

/// Whether a body that read the original is left with a rendition.
fn changes_form(before: &Rule, after: &Rule) -> bool {
    after.access.audience.iter().any(|(body, grant)| {
        grant.form() == Form::Anonymised
            && before.access.audience.get(body).form() == Form::Identified
    })
}

/// What a version of a report listed to be stripped; nothing for a posted object.
async fn stripped_by(tx: &mut Tx, key: i64) -> Result<BTreeSet<String>, Refusal> {
    let objects = tx.objects_of(key).await?;
    let submitted = objects
        .into_iter()
        .find(|(_, object)| object.form == Form::Identified.word() && object.report.is_some());
    let Some(text) = submitted.and_then(|(_, object)| object.report) else {
        return Ok(BTreeSet::new());
    };
    Ok(strips(&serde_json::from_str(&text)?))
}

pub(super) fn strips(report: &Value) -> BTreeSet<String> {
    let list = report.get("must_anonymise").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|item| item.get("text")?.as_str().map(str::to_owned))
        .collect()
}
