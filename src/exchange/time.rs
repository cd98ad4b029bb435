//! What happens by itself: embargo, silence, expiry, downgrade, retention (law 10).
//!
//! Each event is a row that is due at an instant. It is carried out by whichever hub takes the row
//! out first, in one transaction with its effect and its record: once, also across restarts.

use std::time::Duration;

use serde_json::{Value, json};

use super::hold::Hold;
use super::intake::Handled;
use super::portions::{self, Had, Rules};
use super::publish::stored_rule;
use super::refusal::Refusal;
use super::{Exchange, Tx, latecomers, receipts, record, reminders, search};
use crate::council::body::role;
use crate::handling::{ApprovalMode, Approver, Audience, BodyId, Consent, NoReply, Rule, Seat};
use crate::store::{Due, ItemVersion};

/// One hour, in microseconds.
pub(super) const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// How often the list is looked at: events are due to the second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// So many events are taken from the list at once.
const BATCH: i64 = 64;

impl Exchange {
    /// Carries out what is due, again and again, for as long as it is awaited.
    pub async fn keep_time(&self) {
        loop {
            if let Err(error) = self.act_on_time().await {
                tracing::error!(%error, "what is due could not be carried out; trying again");
            }
            if let Err(error) = self.seal_ledger().await {
                tracing::error!(%error, "the ledger could not be sealed; trying again");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Carries out everything that is due now.
    ///
    /// # Errors
    /// The first failure; everything else that was due has happened all the same.
    pub async fn act_on_time(&self) -> Result<(), Refusal> {
        self.refresh().await?;
        loop {
            let now = self.clock().now_micros();
            let due = self.db().read().await?.due(now, BATCH).await?;
            let mut done = 0;
            let mut failed = None;
            for event in due {
                let exchange = self.clone();
                let outcome = self
                    .writer()
                    .write(move |tx| Box::pin(async move { exchange.happen(tx, &event).await }))
                    .await;
                match outcome {
                    Ok(()) => done += 1,
                    Err(error) => failed = Some(error),
                }
            }
            match (done, failed) {
                (_, Some(error)) if done == 0 => return Err(error),
                (0, _) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Puts on the list what will happen to a version that was just accepted.
    pub(super) async fn schedule(
        &self,
        tx: &mut Tx,
        key: i64,
        rule: &Rule,
        handled: &Handled,
        now: i64,
    ) -> Result<(), Refusal> {
        let access = &rule.access;
        let mut events: Vec<(&str, i64, &str)> = Vec::new();
        let embargoed = handled.holds.iter().any(|hold| hold.code == Hold::EMBARGO);
        if let (Some(until), true) = (access.not_before, embargoed) {
            events.push(("embargo", until.timestamp_micros(), ""));
        }
        if !handled.holds.is_empty() {
            for who in handled.approvals.keys() {
                if let Some(hours) = rule.reply_hours.get(who) {
                    let at = now + i64::from(*hours) * HOUR_MICROS;
                    events.push(("reply", at, who.as_str()));
                }
            }
        }
        if let Some(until) = access.not_after {
            events.push(("expiry", until.timestamp_micros(), ""));
        }
        if let Some(days) = rule.downgrade.days() {
            events.push(("downgrade", now + i64::from(days) * DAY_MICROS, ""));
        }
        if let Some(days) = rule.retention_max_days {
            // Where the rule says both, the hub keeps as long as it must: a conflict held it anyway.
            let days = days.max(access.retention_min_days);
            events.push(("erase", now + i64::from(days) * DAY_MICROS, ""));
        }
        let due = events.into_iter().map(|(event, at, subject)| Due {
            at,
            item_version: key,
            event: event.to_owned(),
            subject: subject.to_owned(),
        });
        Ok(tx.add_all_due(&due.collect::<Vec<_>>()).await?)
    }

    /// An earlier end that a narrowed rule asks for: of the serving, and of the keeping.
    pub(super) async fn reschedule(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        rules: &Rules,
    ) -> Result<(), Refusal> {
        if let Some(until) = rules.whole.access.not_after {
            let until = until.timestamp_micros();
            tx.expire(version.key, until).await?;
            self.bring_forward(tx, version, "expiry", until).await?;
        }
        let rule = rules.strictest();
        if let Some(days) = rule.retention_max_days {
            let days = days.max(rule.access.retention_min_days);
            let at = version.value.received_at + i64::from(days) * DAY_MICROS;
            self.bring_forward(tx, version, "erase", at).await?;
        }
        Ok(())
    }

    /// Lets something happen to a version at an instant (microseconds) at the latest; what is due
    /// before stays.
    pub(super) async fn bring_forward(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        event: &str,
        at: i64,
    ) -> Result<(), Refusal> {
        tx.cancel_due_after(version.key, event, at).await?;
        let earlier = !tx.due_of(version.key, event).await?.is_empty();
        let over = version.value.state == "erased"
            || event != "erase" && super::withdraw::is_gone(version);
        if earlier || over {
            return Ok(());
        }
        tx.add_due(&Due {
            at,
            item_version: version.key,
            event: event.to_owned(),
            subject: String::new(),
        })
        .await?;
        Ok(())
    }

    async fn happen(&self, tx: &mut Tx, due: &Due) -> Result<(), Refusal> {
        if !tx.take_due(due).await? {
            return Ok(()); // another hub has carried it out
        }
        match due.event.as_str() {
            latecomers::CATCH_UP => return self.catch_up(tx, due).await,
            latecomers::MIDNIGHT => return self.midnight(tx, due).await,
            search::INDEX => return self.index_older(tx, due).await,
            receipts::FORGET_PAGES => return self.forget_pages(tx, due).await,
            _ => {}
        }
        let Some(version) = tx.item_version(due.item_version).await? else {
            return Ok(());
        };
        match due.event.as_str() {
            "embargo" => self.embargo_ended(tx, &version, due).await,
            "reply" => self.silence(tx, &version, due).await,
            reminders::REMIND => self.remind(tx, &version, due).await,
            "expiry" => self.expired(tx, &version, due).await,
            "downgrade" => self.downgraded(tx, &version, due).await,
            "erase" => self.erased(tx, &version, due).await,
            other => Err(Refusal::Internal(anyhow::anyhow!(
                "unknown event `{other}`"
            ))),
        }
    }

    /// Records what time did to a version.
    pub(super) async fn record_time(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        due: &Due,
        decision: &str,
        more: Value,
    ) -> Result<(), Refusal> {
        let mut text = json!({
            "decision": decision, "item": version.value.item, "version": version.value.version,
            "due": crate::stix::timestamp::format_taxii(due.at),
        });
        if let (Value::Object(members), Value::Object(more)) = (&mut text, more) {
            members.extend(more);
        }
        let now = self.clock().now_micros();
        record(tx, now, &version.value.parties(), &text).await
    }

    async fn embargo_ended(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        due: &Due,
    ) -> Result<(), Refusal> {
        if version.value.state != "held" {
            return Ok(());
        }
        let mut holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        holds.retain(|hold| hold.code != Hold::EMBARGO);
        self.record_time(tx, version, due, "embargo.ended", json!({}))
            .await?;
        let (directory, now) = (self.directory(), self.clock().now_micros());
        self.settle(tx, &directory, version, &holds, now).await?;
        Ok(())
    }

    /// An approver's time to reply is over.
    async fn silence(&self, tx: &mut Tx, version: &ItemVersion, due: &Due) -> Result<(), Refusal> {
        let approver = Approver::from(due.subject.as_str());
        let waits = match self.consents(tx, version).await? {
            Consent::Pending(pending) => pending.contains(&approver),
            Consent::Given | Consent::Refused => false,
        };
        if version.value.state != "held" || !waits {
            return Ok(()); // it was answered in time, or is past answering
        }
        let asked = tx.asked(version.key).await?;
        let Some(asked) = asked.iter().find(|asked| asked.approver == due.subject) else {
            return Ok(());
        };
        let rule = stored_rule(version)?;
        let mode: ApprovalMode = serde_json::from_value(Value::String(asked.mode.clone()))?;
        let (now, directory) = (self.clock().now_micros(), self.directory());
        let body = approver.parts().map(|(body, _)| BodyId::from(body));
        let superior = body
            .as_ref()
            .and_then(|body| directory.body(body)?.superior.clone());
        let outcome = match (mode, rule.no_reply, &superior) {
            // Silence is this approver's consent; nobody above need be asked.
            (ApprovalMode::None | ApprovalMode::Silent, ..) => "agreed",
            (_, NoReply::Release, _) => "released",
            (_, NoReply::Escalate, Some(_)) if asked.outcome.is_none() => "escalated",
            // Nobody to ask, or the one asked is silent too: not replying never widens (law 1).
            (_, NoReply::Escalate | NoReply::Refuse, _) => "refused",
        };
        let superior = superior.map(|body| Approver::of(&body, role::POC));
        // What the hub could not decide by itself is confirmed by a person, never by silence (law 1).
        let holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
        let unconfirmed = |hold: &Hold| hold.confirmable && hold.code != Hold::APPROVAL;
        if matches!(outcome, "agreed" | "released") && holds.iter().any(unconfirmed) {
            let more = json!({ "outcome": "waits" });
            return self.record_time(tx, version, due, "silence", more).await;
        }
        let told = superior.as_ref().filter(|_| outcome == "escalated");
        let parties = version.value.parties();
        let known = body
            .as_ref()
            .is_some_and(|body| parties.contains(&body.as_str()));
        let silence = |known: bool| {
            let (approver, told) = (Some(&approver), told);
            json!({
                "approver": approver.filter(|_| known), "outcome": outcome,
                "superior": told.filter(|_| known),
            })
        };
        if let (false, Some(body)) = (known, &body) {
            let mut decision = silence(true);
            if let Some(members) = decision.as_object_mut() {
                members.insert("decision".to_owned(), json!("silence"));
            }
            record(tx, now, &[body.as_str()], &decision).await?;
        }
        self.record_time(tx, version, due, "silence", silence(known))
            .await?;
        match (outcome, &superior) {
            ("escalated", Some(superior)) => {
                let hours = rule.reply_hours.get(&approver).copied().unwrap_or_default();
                let at = now + i64::from(hours) * HOUR_MICROS;
                let instead = Some((superior.as_str(), at));
                tx.lapse(version.key, &due.subject, outcome, now, instead)
                    .await?;
                tx.add_due(&Due { at, ..due.clone() }).await?;
                self.seat(tx, version, superior, now).await
            }
            ("refused", _) => {
                tx.lapse(version.key, &due.subject, outcome, now, None)
                    .await?;
                let holds: Vec<Hold> = serde_json::from_str(&version.value.holds)?;
                let why = "an approver did not reply";
                self.refuse(tx, version, &holds, why, now).await?;
                Ok(())
            }
            _ => {
                tx.lapse(version.key, &due.subject, outcome, now, None)
                    .await?;
                self.settle_consents(tx, &directory, version, now).await?;
                Ok(())
            }
        }
    }

    /// Whoever is asked reads the item as submitted: gives a further approver a seat at its desk.
    pub(super) async fn seat(
        &self,
        tx: &mut Tx,
        version: &ItemVersion,
        approver: &Approver,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some((body, role)) = approver.parts() else {
            return Ok(());
        };
        let seat = Audience::Desk {
            seat: Seat::Approver {
                body: BodyId::from(body),
                role: role.to_owned(),
            },
        };
        let directory = self.directory();
        self.enter(tx, &directory, version, &[seat], &[], now).await
    }

    async fn expired(&self, tx: &mut Tx, version: &ItemVersion, due: &Due) -> Result<(), Refusal> {
        if !matches!(version.value.state.as_str(), "released" | "held") {
            return Ok(());
        }
        let mut had = Had::default();
        portions::note_version(tx, &mut had, version.key).await?;
        self.stop_serving(tx, version).await?;
        tx.cancel_due(version.key).await?;
        tx.set_state(version.key, "expired", "[]").await?;
        self.arrived_by_itself(tx, had).await?;
        self.record_time(tx, version, due, "expired", json!({}))
            .await
    }

    /// The longest the rule lets anybody keep it is over: the content goes, in every form, and so does
    /// what was made of it for readers of some parts; the record stays.
    async fn erased(&self, tx: &mut Tx, version: &ItemVersion, due: &Due) -> Result<(), Refusal> {
        if version.value.state == "erased" {
            return Ok(()); // with a part of it, before its own time
        }
        let mut had = Had::default();
        portions::note_version(tx, &mut had, version.key).await?;
        self.stop_serving(tx, version).await?;
        tx.erase(version.key).await?;
        tx.erase_feedback(version.key).await?;
        tx.cancel_due(version.key).await?;
        tx.set_state(version.key, "erased", "[]").await?;
        self.forget_pages_later(tx, version.key, due.at).await?;
        self.arrived_by_itself(tx, had).await?;
        let days = stored_rule(version)?.retention_max_days;
        let more = json!({ "retention_max_days": days });
        self.record_time(tx, version, due, "erased", more).await
    }

    async fn arrived_by_itself(&self, tx: &mut Tx, had: Had) -> Result<(), Refusal> {
        let (directory, now) = (self.directory(), self.clock().now_micros());
        self.arrived(tx, &directory, had, now).await
    }
}
