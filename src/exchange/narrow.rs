//! Narrowing what is out already: by a stricter new version, by the source's own wish, by a stricter
//! scheme. Every entry of every version goes on only to whom both the old and the new rule admit.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::hold::Hold;
use super::once::Said;
use super::portions::{self, Had, Rules};
use super::publish::stored_rule;
use super::readers::Readers;
use super::refusal::Refusal;
use super::settle::stored_origin;
use super::stamps::SPREAD;
use super::widen::stored_level;
use super::withdraw::is_gone;
use super::{Exchange, Tx, record};
use crate::council::Directory;
use crate::handling::{ApprovalMode, Approver, BodyId, Consent, Form, Join, PrincipalId, Rule};
use crate::store::{Due, ItemVersion};

/// What a source narrows of an item that is out.
#[derive(Clone, Debug, Default, Serialize)]
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
        self.narrow_once(caller, id, narrower, Said::default())
            .await
    }

    /// The same, with what the client says of the act.
    ///
    /// # Errors
    /// As [`Exchange::narrow_item`]; and where the item is at another version than expected.
    pub async fn narrow_once(
        &self,
        caller: &Caller,
        id: &str,
        narrower: Narrower,
        said: Said,
    ) -> Result<(), Refusal> {
        let item = self.own_item(caller, id).await?;
        let (exchange, by, of) = (self.clone(), caller.clone(), item.clone());
        let act = ("narrow", narrower.clone());
        self.once(caller, &item, (&act, said), move |tx| {
            Box::pin(async move { exchange.narrow_item_in(tx, &by, &of, &narrower).await })
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
        let mut had = Had::ready(tx, now, SPREAD).await?;
        for key in tx.versions_of(item).await? {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            self.tighten(tx, directory, &version, &rule, &mut had, now)
                .await?;
        }
        self.arrived(tx, directory, had, now).await?;
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

    /// Joins a further rule with the stored ones and puts them in force for a version at once.
    pub(super) async fn tighten(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        version: &ItemVersion,
        further: &Rule,
        had: &mut Had,
        now: i64,
    ) -> Result<(), Refusal> {
        self.tighten_one(tx, directory, version, further, had, now)
            .await?;
        self.tighten_wholes(tx, directory, version.key, further, had, now)
            .await
    }

    /// What was made of a version carries its rule (law 7), so it is narrowed with it.
    async fn tighten_wholes(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        part: i64,
        further: &Rule,
        had: &mut Had,
        now: i64,
    ) -> Result<(), Refusal> {
        let mut wholes = tx.made_of(part).await?;
        let mut seen = BTreeSet::new();
        while let Some(key) = wholes.pop() {
            if !seen.insert(key) {
                continue;
            }
            if let Some(whole) = tx.item_version(key).await? {
                self.tighten_one(tx, directory, &whole, further, had, now)
                    .await?;
                // No longer than its part.
                for due in tx.due_of(part, "erase").await? {
                    self.bring_forward(tx, &whole, "erase", due.at).await?;
                }
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
        had: &mut Had,
        now: i64,
    ) -> Result<(), Refusal> {
        let before = Rules::of(tx, version).await?;
        let joined = before.join(further);
        if joined == before {
            return Ok(());
        }
        portions::note_version(tx, had, version.key).await?;
        joined.put(tx, version.key).await?;
        // What a later downgrade would restore has just been taken away.
        tx.cancel_due_event(version.key, "downgrade").await?;
        self.reschedule(tx, version, &joined).await?;
        let mut version = version.clone();
        let held = version.value.state == "held";
        // A rendition that names, carries or holds what it must not any more goes, and another comes.
        let rules = (&before, &joined);
        let findings = self.remake(tx, directory, &version, rules, None).await?;
        let former = Readers::of(tx, version.key).await?;
        let sides = former.sides();
        let mut readers = former.narrowed(tx, further).await?;
        let own = BodyId::from(version.value.ceptoar.as_str());
        readers.keep_needing(tx, &own, (&before, &joined)).await?;
        if version.value.state == "released" {
            // Who had it as submitted and may have a rendition now gets that.
            for side in sides {
                let rules = (&before, &joined);
                readers.change_form(tx, side, &own, rules).await?;
            }
        }
        readers.keep(tx, version.key).await?;
        if !findings.is_empty() {
            self.hold_remade(tx, &mut version, &findings, now).await?;
        }
        self.decide_anew(tx, directory, version.key, had, now)
            .await?;
        if held {
            let (before, joined) = (before.strictest(), joined.strictest());
            self.ask_more(tx, &version, before, joined, now).await?;
        }
        Ok(())
    }

    /// The same object posted again, as an observable under another marking: where that asks more, it
    /// applies to what is out; where it asks less, nothing changes.
    pub(super) async fn posted_again(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        previous: &ItemVersion,
        rules: Rules,
        had: &mut Had,
    ) -> Result<(), Refusal> {
        let now = self.clock().now_micros();
        for key in tx.versions_of(&previous.value.item).await? {
            let Some(version) = tx.item_version(key).await? else {
                continue;
            };
            let before = Rules::of(tx, &version).await?;
            if is_gone(&version) || !before.asked_more_by(rules.strictest()) {
                continue;
            }
            self.tighten(tx, directory, &version, rules.strictest(), had, now)
                .await?;
            let decision = json!({
                "decision": "narrowed", "item": version.value.item,
                "version": version.value.version, "by": "posted again",
            });
            record(tx, now, &version.value.parties(), &decision).await?;
        }
        Ok(())
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
                    self.seat(tx, version, &Approver::from(who.as_str()), now)
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
    /// Where the new version lists more to be stripped, the older renditions go: their bytes are what
    /// it corrects. Where only its rule is stricter, they are made anew.
    pub(super) async fn narrow(
        &self,
        tx: &mut Tx,
        directory: &Directory,
        previous: &ItemVersion,
        rule: &Rule,
        strips: Option<&BTreeSet<String>>,
        had: &mut Had,
    ) -> Result<(), Refusal> {
        let now = self.clock().now_micros();
        for key in tx.versions_of(&previous.value.item).await? {
            let older = tx.item_version(key).await?;
            let Some(older) = older.filter(|_| key <= previous.key) else {
                continue;
            };
            if older.value.state == "held" && key == previous.key {
                // What waits for consent waits no more: its successor asks for itself.
                tx.set_state(key, "superseded", "[]").await?;
            }
            let before = Rules::of(tx, &older).await?;
            let joined = before.join(rule);
            let corrects = match strips {
                Some(strips) => !strips.is_subset(&stripped_by(tx, key).await?),
                None => false,
            };
            tx.cancel_due_event(key, "downgrade").await?;
            if joined != before {
                self.reschedule(tx, &older, &joined).await?;
            }
            self.tighten_wholes(tx, directory, key, rule, had, now)
                .await?;
            if joined == before && !corrects {
                continue;
            }
            portions::note_version(tx, had, key).await?;
            if corrects {
                tx.withhold(key).await?;
            } else {
                // What is found in it waits for nobody: its successor asks for itself.
                let rules = (&before, &joined);
                self.remake(tx, directory, &older, rules, Some(now)).await?;
            }
            // Kept, so that a looser third version cannot widen what the second narrowed.
            joined.put(tx, key).await?;
            let mut readers = Readers::of(tx, key).await?.narrowed(tx, rule).await?;
            let own = BodyId::from(older.value.ceptoar.as_str());
            readers.keep_needing(tx, &own, (&before, &joined)).await?;
            readers.keep(tx, key).await?;
            self.decide_anew(tx, directory, key, had, now).await?;
        }
        Ok(())
    }
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
